# %% [markdown]
# # Start here
#
# In this course you write small functions, and under each there is a check.
# The check is on your side: run it as often as you like, as early as you
# like, on code that you know is wrong. It costs nothing and nobody watches.
#
# This notebook takes about ten minutes. You meet the check, and then you
# build three tools that check *gradients*. They are short, you will use them
# in every later chapter, and they know when a derivation of yours is wrong
# before anybody else does. The text behind it is chapter 0, *Start here*, of
# the book.
#
# How to use a notebook: a cell with code runs when you press Shift+Enter. Run
# them in order, from the top. If something is in a muddle, use *Restart
# kernel* and run them again.

# %% given="imports"
import numpy as np

from unrolled import check, public_data
from unrolled.functions import FUNCTIONS

rng = np.random.default_rng(0)

# %% [markdown]
# ## Meet the check
#
# Two people have computed the same array in two ways. Are the results equal?
# Never quite: computers round. So we want *one number* that says how far apart
# they are, and it should not matter whether the entries are a million or a
# millionth. Here is somebody's first try. It is wrong, and that is why it is
# here: run the cell and read what comes back.

# %%
def first_try(a, b):
    return np.abs(a - b).max()


check("rel_error", first_try)

# %% [markdown]
# Read it from top to bottom. The first line names the exercise, the verdict
# and the points. The next ones say what is right and what is not, with the
# place, the number that came back and the number that should have. Where the
# result is *exactly* what a known mistake gives, a box tells you which one.
#
# Now the second try. It divides, as it should. Will that do?

# %%
def second_try(a, b):
    scale = np.abs(b).max()
    return np.abs(a - b).max() / scale


check("rel_error", second_try)

# %% [markdown]
# Better and still wrong, and the check has moved on to the next mistake. That
# is how you work with it: mend one thing, run again.
#
# ## One number for two arrays
#
# {task:rel_error}
#
# Here is the rule in full. The error is the largest difference, divided by the
# largest entry that occurs in *either* array (absolute values, of course):
#
# $$\mathrm{error}(a, b) = \frac{\max |a - b|}{\max(\max |a|,\ \max |b|)}.$$
#
# Two arrays of zeros have error 0. And there is one more rule, which is the
# most important one: **arrays of different shapes are not compared.** NumPy
# would happily "broadcast" a `(4, 1)` against a `(4,)` and subtract every
# entry from every other. Do not let it: `raise ValueError(...)` with a
# sentence that names both shapes.

# %% solution="rel_error"
def rel_error(a, b):
    """How far apart two arrays are, relative to their largest entry.

    a, b: float arrays of one shape; other shapes raise ValueError.
    Returns a number: 0 for equal arrays, two arrays of zeros among them.
    """
    ### BEGIN SOLUTION
    if a.shape != b.shape:
        raise ValueError(f"cannot compare shapes {a.shape} and {b.shape}")
    scale = max(np.abs(a).max(), np.abs(b).max())
    if scale == 0:
        return 0.0
    return np.abs(a - b).max() / scale
    ### END SOLUTION

# %% check="rel_error"
check("rel_error", rel_error)

# %% [markdown]
# Before you have written anything, the check under an exercise says just that:
# *not written yet*. It is no error and costs nothing.
#
# ## A gradient, by trying
#
# {task:numeric_grad}
#
# Somebody gives you a function `f` that turns an array `x` into another array,
# and tells you how much a loss changes with each entry of the output: `dout`,
# which has the shape of `f(x)`. You want `dx`, how much the loss changes with
# each entry of `x`. The surest way is to try: move *one* entry of `x` by `eps`
# up, then by `eps` down, look what happens to all the outputs, and weigh them
# with `dout`:
#
# $$\mathrm{d}x_i \approx \sum_k \mathrm{d}out_k\,
#   \frac{f_k(x + \varepsilon e_i) - f_k(x - \varepsilon e_i)}{2\varepsilon}.$$
#
# It takes about five lines. Three hints: `for index in np.ndindex(x.shape)`
# visits every entry, whatever the number of axes; work on copies, for `x` is
# not yours; and use the `eps` that you are given. The check tries a large one
# on purpose.

# %% solution="numeric_grad"
def numeric_grad(f, x, dout, eps=1e-5):
    """Gradient of sum(f(x) * dout) with respect to x, by central differences.

    f: function from an array to an array or a number, x: float array of any
    shape, dout: the shape of f(x), eps: how far to move, to each side.
    Returns dx, of the shape and dtype of x.
    """
    ### BEGIN SOLUTION
    dx = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += eps
        down[index] -= eps
        dx[index] = np.sum((f(up) - f(down)) * dout) / (2 * eps)
    return dx
    ### END SOLUTION

# %% check="numeric_grad"
check("numeric_grad", numeric_grad)

# %% [markdown]
# ## A gradient, sideways
#
# {task:complex_step_grad}
#
# There is a better way, and it looks like a conjuring trick. Move the entry
# along the *imaginary* axis, by `1j * eps`, and look at the imaginary part of
# what comes out:
#
# $$\mathrm{d}x_i \approx \sum_k \mathrm{d}out_k\,
#   \frac{\operatorname{Im} f_k(x + \mathrm{i}\varepsilon e_i)}{\varepsilon}.$$
#
# Nothing is subtracted, so nothing is lost by rounding, and `eps` can be
# absurdly small. You need a complex copy of `x`: `x.astype(complex)`. The
# imaginary part of `z` is `np.imag(z)`.

# %% solution="complex_step_grad"
def complex_step_grad(f, x, dout, eps=1e-30):
    """Gradient of sum(f(x) * dout) with respect to x, by complex steps.

    f: function that also works for complex arrays, x: float array of any
    shape, dout: the shape of f(x), eps: how far to move.
    Returns dx, of the shape and dtype of x (real).
    """
    ### BEGIN SOLUTION
    dx = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[index] += 1j * eps
        dx[index] = np.sum(np.imag(f(moved)) * dout) / eps
    return dx
    ### END SOLUTION

# %% check="complex_step_grad"
check("complex_step_grad", complex_step_grad)

# %% [markdown]
# Now let your three tools meet. How small should `eps` be? Do not guess:
# measure. Each dot below is one call of your functions, and the truth is known
# because $f(x) = \sin(x)\, e^{x/2}$ can be differentiated by hand.

# %%
import matplotlib.pyplot as plt

f, x = FUNCTIONS["wave"], rng.normal(size=(3, 4))
dout = rng.normal(size=x.shape)
truth = dout * (np.cos(x) + np.sin(x) / 2) * np.exp(x / 2)

fig, ax = plt.subplots(figsize=(7, 3.6))
try:
    all_eps = 10.0 ** np.arange(-16, 0)
    for grad in (numeric_grad, complex_step_grad):
        errors = [rel_error(grad(f, x, dout, e), truth) for e in all_eps]
        errors = np.maximum(errors, 1e-17)
        ax.loglog(all_eps, errors, "o-", label=grad.__name__)
    ax.set(xlabel="eps", ylabel="relative error")
    ax.legend()
    plt.show()
except NotImplementedError as missing:
    plt.close(fig)
    print("The picture comes when this is written:", missing)

# %% [markdown]
# The central difference makes a **V**. From the right, the error falls,
# because a smaller step makes a better straight line. Then it turns and
# *rises*: two numbers that are nearly equal are subtracted, and only rounding
# is left. The best `eps` lies at the bottom, and it is nowhere near the
# smallest.
#
# ## Read five curves
#
# {task:choose_eps}
#
# Below are five curves of that kind, measured on one function. They belong,
# in some order, to differences to one side and to both sides, to a cleverer
# formula with four points, and to a computation in single precision. And in
# one of them no step is to blame: there the *gradient under test* is wrong,
# by a few percent, and no `eps` can make a wrong gradient right.
#
# For each curve, give the best step as a power of ten: the answer for
# $\varepsilon = 10^{-4}$ is `-4`. Answer `0` for the curve of the wrong
# gradient.

# %% given="curves"
measured = public_data("00-start-here", "error_curves")
steps, curves = measured["eps"], measured["errors"]

# %%
fig, axes = plt.subplots(1, 5, figsize=(12, 2.8), sharey=True)
for number, (ax, curve) in enumerate(zip(axes, curves)):
    ax.loglog(steps, curve, "o-", ms=3)
    ax.set(title=f"curve {number}", xlabel="eps", xticks=steps[1::4])
    ax.set_xticks(steps, minor=True)  # one line for each power of ten
    ax.grid(alpha=0.3, which="both")
axes[0].set_ylabel("relative error")
plt.show()

# %% solution="choose_eps"
def choose_eps():
    """The exponent of the best eps of each curve, 0 for a wrong gradient.

    Returns a list of five integers, in the order of the curves.
    """
    ### BEGIN SOLUTION
    exponents = []
    for curve in curves:
        lowest = int(np.argmin(curve))
        hopeless = curve[lowest] > 1e-3
        exponents.append(0 if hopeless else round(np.log10(steps[lowest])))
    return exponents
    ### END SOLUTION

# %% check="choose_eps"
check("choose_eps", choose_eps)

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel and run everything from the top, or, from a terminal in
# the course's folder, `python -m unrolled check 00-start-here`. The grader
# runs the same functions on numbers that nobody has seen.
#
# Keep your three functions. From now on, whenever you derive a gradient, you
# can ask it yourself whether it is right.
