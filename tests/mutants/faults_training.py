"""Faults in the loop, in what a checkpoint holds, and in the order of seeding."""

from fault import Fault

CHECKPOINT = "test_training_checkpoint.py"
LOOP = "test_training_loop.py"
FAULTS = [
    Fault("a run that isn't seeded", "training/loop.py", "seed_generators(seed)", "pass", LOOP, "PyTorch-GAN"),
    Fault(
        "moments of the optimiser not loaded",
        "training/steps/core.py",
        "part.load_state_dict(state[name])",
        "None if 'optimizer' in name else part.load_state_dict(state[name])",
        CHECKPOINT,
        "pythae",
    ),
    Fault(
        "no random state in the checkpoint",
        "training/run.py",
        'set_random_state(state["random"], self.shuffle.order.device)',
        "pass",
        CHECKPOINT,
        "mimicry, StudioGAN",
    ),
    Fault(
        "an epoch begun anew by resuming",
        "training/run.py",
        'self.shuffle.order, self.shuffle.position = state["order"], state["position"]',
        "pass",
        CHECKPOINT,
    ),
    Fault(
        "the average's own count forgotten",
        "training/ema.py",
        'self.updates = int(state["updates"])',
        "pass",
        CHECKPOINT,
    ),
    Fault("the last networks for the best", "training/loop.py", "    run.restore_best()\n", "", CHECKPOINT),
    Fault(
        "the best networks overwritten by training",
        "training/run.py",
        'copy.deepcopy(self.training_step("validate").state_dict())',
        'self.training_step("validate").state_dict()',
        CHECKPOINT,
    ),
    Fault(
        "weights that aren't finite saved over good ones",
        "training/checkpoint.py",
        "if value.is_floating_point() and not bool(torch.isfinite(value).all()):",
        "if False:",
        CHECKPOINT,
    ),
    Fault(
        "whatever a checkpoint asks for is run",
        "training/checkpoint.py",
        "weights_only=True",
        "weights_only=False",
        CHECKPOINT,
    ),
    Fault(
        "a step that went wrong misnamed", "training/run.py", "first = self.done + 1", "first = self.done", LOOP
    ),
    Fault(
        "an epoch's last, partial batch",
        "training/run.py",
        "if self.position + self.batch_size > len(self.order):",
        "if self.position >= len(self.order):",
        LOOP,
    ),
    Fault("one order for all epochs", "training/run.py", "torch.randperm(", "torch.arange(", LOOP),
]
