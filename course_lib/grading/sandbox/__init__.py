"""Where learners' code runs: kernels in a jail of bubblewrap, or, for one's own notebooks, in none.

limits.py ─▶ staging.py, jail.py (inside/: what runs in there) ─▶ provisioner.py ─▶ kernels.py ─▶ probe.py
"""

from course_lib.grading.sandbox.jail import SandboxError
from course_lib.grading.sandbox.kernels import Kernel, Sandbox, shared_sandbox
from course_lib.grading.sandbox.limits import Limits
from course_lib.grading.sandbox.probe import require

__all__ = ["Kernel", "Limits", "Sandbox", "SandboxError", "require", "shared_sandbox"]
