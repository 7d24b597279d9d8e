"""The instructor's side: derive exercises, run submissions safely, judge them.

Mechanism only. Answers live in `solutions/`, the seed of the hidden cases in
`_grading/secret`; neither is part of this package.
"""
