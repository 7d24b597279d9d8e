"""torch's compiler is absent until somebody compiles, and then the real one."""

import subprocess
import sys

import pytest

START = """
import sys
from autograder.inside import compiler
compiler.put_off()
import torch
weight = torch.nn.Parameter(torch.ones(3))
optimiser = torch.optim.SGD([weight], lr=0.1)
optimiser.zero_grad()
(weight ** 2).sum().backward()
optimiser.step()
assert torch.allclose(weight, torch.full((3,), 0.8))
def absent():
    return "torch._dynamo.eval_frame" not in sys.modules
assert absent()
"""
NEEDED = {
    "an attribute": """
f = torch.compile(lambda x: x.sin() + 1, backend="eager")
assert torch.equal(f(weight), weight.sin() + 1)
assert not hasattr(torch.optim.Optimizer.zero_grad.__wrapped__, "__dynamo_disable")
""",
    "a module in it": """
import torch._dynamo.config as config
from torch._dynamo.utils import counters
assert config is torch._dynamo.config is sys.modules["torch._dynamo.config"]
assert config.__spec__.origin == config.__file__
assert counters is torch._dynamo.utils.counters
""",
    "a module that it does not load": """
import torch._dynamo.testing
assert torch._dynamo.testing.__spec__.origin
""",
    "checkpoint": """
from torch.utils.checkpoint import checkpoint
weight.grad = None
checkpoint(lambda w: (w ** 2).sum(), weight, use_reentrant=False).backward()
assert torch.allclose(weight.grad, 2 * weight)
""",
}


@pytest.mark.parametrize("what", NEEDED)
def test_an_optimiser_does_not_import_the_compiler_and_who_needs_it_gets_it(what):
    program = f"{START}{NEEDED[what]}assert not absent()"
    program += "\noptimiser.zero_grad(); optimiser.step()"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
