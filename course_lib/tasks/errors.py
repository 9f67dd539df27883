"""Errors of Python and PyTorch that learners meet, each with a sentence that says what it means here.

The first whose pattern is found in an error's text is told, before the text itself.
"""

import re

_FLAT_OR_NOT = (
    "Images may be flat, (B, P), or have sides, (B, 1, H, W): flatten(1) makes (B, everything else) of both."
)
_EXPLAINED = (
    (
        r"Dimension out of range \(expected to be in range of \[-(\d), \d\], but got (-?\d)\)",
        r"there is no dimension \2: a tensor here has \1 of them, counted from 0. " + _FLAT_OR_NOT,
    ),
    (
        r"mat1 and mat2 shapes cannot be multiplied \((\S+) and (\S+)\)",
        r"a product of matrices of sizes \1 and \2 doesn't exist: the inner sizes must be equal. Which one has to be "
        "transposed, or should they change places?",
    ),
    (
        r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)",
        r"two tensors don't fit entry by entry: one has \1 where the other has \2. Print their shapes on the line "
        "above.",
    ),
    (
        r"lstsq: input.size\(-2\) should match other.size\(-2\)",
        "lstsq(a, b) looks for the z with a @ z nearest to b: both need a row for each thing that is measured, here "
        "each known pixel. Images in rows, (M, K), have to be transposed.",
    ),
    (
        r"grad can be implicitly created only for scalar outputs",
        "backward() wants one number: average the loss over the batch first.",
    ),
    (
        r"backward through the graph a second time",
        "two backward passes went through one graph, which PyTorch frees after the first. Does something made in an "
        "earlier step, such as a code or a batch, come from outside of the loop? Make it anew in each step.",
    ),
    (
        r"does not require grad and does not have a grad_fn",
        "no gradient can be taken: something cut the path from the loss to the weights (.detach(), .item(), .data, "
        "numpy or no_grad), or requires_grad was never set.",
    ),
    (
        r"Negation, the `-` operator, on a bool tensor",
        "a minus doesn't turn truth values round; ~ does.",
    ),
    (
        r"with (?:a|two) bool tensors?,? .*is not supported",
        "truth values can't be subtracted. .float() makes zeros and ones of them.",
    ),
    (
        r"selected index k out of range",
        "topk was asked for more entries than there are along its dimension. See along which one it looks: dim=1 is "
        "along the rows' own entries.",
    ),
    (
        r"Scatter\w*Backward0 returned an invalid gradient",
        "what scatter puts at the places must have the shape of the places: x.gather(1, places) takes those entries "
        "out of x.",
    ),
    (
        r"Expected p_in >= 0 && p_in <= 1",
        "a draw of zeros and ones wants probabilities from 0 to 1: sigmoid makes them of logits. If it got nan, see "
        "what made that, such as a division by K - 1 with a single draw.",
    ),
    (
        r"Can't call numpy\(\) on Tensor that requires grad",
        "NumPy can't carry gradients. Stay with torch's functions.",
    ),
    (
        r"(?:leaf Variable that requires grad|view of a leaf \w+ that requires grad) (?:has been|is being)",
        "an input whose gradient is asked for was changed in place. Make a new tensor, as in x = x - m in place of "
        "x -= m.",
    ),
    (
        r"modified by an inplace operation",
        "a tensor that the backward pass still needs was changed in place. Make a new tensor instead.",
    ),
    (
        r"(?:expected m1 and m2 to have the same dtype|expected scalar type|Found dtype)",
        "float32 and float64 meet. Whatever you make yourself has to have the dtype of the inputs: torch.zeros_like(x) "
        "and x.new_tensor(…) take it over.",
    ),
    (
        r"ValueError: optimizer got an empty parameter list",
        "the optimiser was given no parameters: a generator is empty once it has been read. Call parameters() in the "
        "optimiser's own line.",
    ),
    (
        r"can't optimize a non-leaf Tensor",
        "an optimiser moves only tensors that aren't computed from others. Make a copy that stands by itself: "
        "x.detach().clone().requires_grad_().",
    ),
    (
        r"missing 1 required positional arguments?: \"dim\"",
        "this function has to be told over which dimension it works.",
    ),
    (
        r"argument 'input' \(position 1\) must be Tensor, not (?:int|float)",
        "torch's functions take tensors. For a plain number the module math has the same ones.",
    ),
    (
        r"Expected parameter scale .* of distribution Normal",
        "Normal takes a standard deviation, which is above 0. A log-variance isn't one: exp(0.5 * logvar) is.",
    ),
    (
        r"only (?:integer tensors of a single element|one element tensors|length-1 arrays)",
        "a tensor of many entries was used as one number.",
    ),
    (
        r"NameError: name 'np' is not defined",
        "NumPy isn't imported here, and isn't needed: torch has the same functions, with gradients.",
    ),
)


def explained(error: str) -> str:
    """A sentence on what this error means, without a capital; empty if it isn't on the list."""
    for pattern, sentence in _EXPLAINED:
        if found := re.search(pattern, error):
            return found.expand(sentence)
    return ""
