"""The mistakes that people make in 02-recurrent-cell, as edits of the solution."""

from autograder.exercise import Edit

BUGS = {
    "rnn_step_forward": [
        Edit("no-tanh", "h_t = np.tanh(a_t)", "h_t = a_t",
             "the tanh is missing: the state is the bare sum a_t."),
    ],
}
