"""What can be said of any training that an exercise watched, in the same words in all of them."""

from course_lib.probes.training import Process

NO_GRADIENT = (
    "the optimiser's steps found no gradients. They were cleared before the step (the order is zero_grad, backward, "
    "step), or backward() never reached the parameters."
)
UNCLEARED = (
    "old gradients are never cleared: each backward() adds to what all steps before it have left. Call "
    "optimizer.zero_grad() once in each step, before backward()."
)
UPHILL = (
    "the loss was pushed down without end: its sign is turned round, so that every step makes the error larger."
)


def in_numbers(process: Process, what: str = "images") -> str:
    """What was seen of a training, in a line; ``what`` it was trained on."""
    told = [f"{process.num_steps} steps of an optimiser"]
    if process.num_steps:
        told.append(f"learning rate {process.lrs[-1]:.2g}")
    told.append(f"batches of {process.batch_size}, {process.num_distinct} different {what}")
    if len(process.losses):
        told.append(f"first loss {process.losses[0]:.3g}, last {process.losses[-1]:.3g}")
    return f"Seen while it ran: {', '.join(told)}."
