r"""The game played: one step of both players, and which weights may move in it.

Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1.
"""

from course_lib.objectives import discriminator_loss, generator_loss
from course_lib.probes.ex07 import game
from course_lib.tasks.core import Mistake, Task
from course_lib.tasks.ex07_gan.first_edition import step_answers as answers
from course_lib.tasks.ex07_gan.words import in_its_terms

GAN_STEP = Task(
    name="gan_step",
    points=3,
    cases=answers.step_cases,
    probe=game,
    explain=in_its_terms,
    reference=answers.right,
    alternatives=(answers.drawn_twice, answers.by_autograd, answers.frozen, answers.in_parts),
    mistakes=(
        Mistake(
            answers.leaky,
            "the weights are right, but the discriminator's loss was sent back through the generator as well. "
            "Only zero_grad saved you, and every step paid for it. Cut the generated points off before the "
            "discriminator's loss sees them.",
        ),
        Mistake(
            answers.tug_of_war,
            "the generator also moves along the gradient of the *discriminator's* loss, which wants its points "
            "to be recognised. Cut the generated points off before that loss sees them.",
        ),
        Mistake(
            answers.always_detached,
            "the generator never moves: no gradient comes back to it in its own turn. Either its points are cut "
            "off there too, or backward() isn't called on its loss. The gradient has to come through the "
            "discriminator to the generator.",
        ),
        Mistake(
            answers.old_judge,
            "the generator's gradient was taken through the discriminator as it was *before* its step. Let the "
            "discriminator move first, and judge the points again by the new one.",
        ),
        Mistake(answers.generator_first, "the generator moves first here. The discriminator was to begin."),
        Mistake(
            answers.accomplice,
            "the discriminator moves along the generator's loss as well, and so helps to be fooled. In the "
            "generator's step only the generator's optimiser steps.",
        ),
        Mistake(
            answers.without_zero_grad(of_g=True, of_d=True),
            "no gradient is ever cleared: each step adds to those before it. backward() adds; zero_grad() clears.",
        ),
        Mistake(
            answers.without_zero_grad(of_g=False, of_d=True),
            "the discriminator's gradients aren't cleared before its loss: what the generator's loss left in its "
            "weights is still there, and moves it.",
        ),
        Mistake(
            answers.without_zero_grad(of_g=True, of_d=False),
            "the generator's gradients aren't cleared before its loss: those of the step before are still there.",
        ),
        Mistake(
            answers.with_losses(of_d=lambda d, x, x_fake: discriminator_loss(d(x_fake), d(x)).loss),
            "real and generated points changed places in the discriminator's loss.",
        ),
        Mistake(
            answers.with_losses(of_d=lambda d, x, x_fake: -answers.d_loss(d, x, x_fake)),
            "the discriminator goes up its loss. The loss is written to be minimised.",
        ),
        Mistake(
            answers.with_losses(of_d=lambda d, x, x_fake: discriminator_loss(d(x), d(x)).loss),
            "the discriminator never sees a generated point: real ones stand in both places.",
        ),
        Mistake(
            answers.with_losses(of_d=lambda d, x, x_fake: 0.5 * answers.d_loss(d, x, x_fake)),
            "the discriminator takes half a step: a factor one half too much in its loss.",
        ),
        Mistake(
            answers.with_losses(of_g=lambda d, x_fake: generator_loss(d(x_fake), saturating=True).mean()),
            "the generator's loss is the saturating one, or minus the discriminator's. Use your generator_loss.",
        ),
        Mistake(
            answers.with_losses(of_g=lambda d, x_fake: -answers.g_loss(d, x_fake)),
            "the generator goes up its loss. The loss is written to be minimised.",
        ),
        Mistake(
            answers.with_losses(of_g=lambda d, x_fake: -generator_loss(d(x_fake), saturating=True).mean()),
            "the generator minimises the discriminator's loss: it learns to be recognised.",
        ),
        Mistake(
            answers.turns(g_turn=()),
            "the generator's turn is missing: only the discriminator moves. Three lines more, with its optimiser "
            "and its loss.",
        ),
        Mistake(
            answers.turns(d_turn=()),
            "the discriminator's turn is missing: only the generator moves, against a judge that never learns.",
        ),
        Mistake(
            answers.turns(d_turn=("backward", "zero", "step"), g_turn=("backward", "zero", "step")),
            "both players never move: zero_grad() stands between backward() and step(), so their optimisers step "
            "over nothing. Clear first, then fill, then step.",
        ),
        Mistake(
            answers.turns(d_turn=("backward", "zero", "step")),
            "the discriminator never moves: zero_grad() stands between backward() and step(), so its optimiser "
            "steps over nothing. Clear first, then fill, then step.",
        ),
        Mistake(
            answers.turns(g_turn=("backward", "zero", "step")),
            "the generator never moves: zero_grad() stands between backward() and step(), so its optimiser steps "
            "over nothing. Clear first, then fill, then step.",
        ),
        Mistake(
            answers.turns(d_turn=("zero", "backward")),
            "the discriminator never moves: its gradient is computed, but its optimiser doesn't step.",
        ),
        Mistake(
            answers.turns(g_turn=("zero", "backward")),
            "the generator never moves: its gradient is computed, but its optimiser doesn't step.",
        ),
        Mistake(
            answers.turns(d_turn=("zero", "backward"), g_turn=("zero", "backward")),
            "nobody moves: gradients are computed, but no optimiser steps.",
        ),
        Mistake(
            answers.turns(d_turn=("zero", "step"), g_turn=("zero", "step")),
            "nobody moves: backward() is never called, so the optimisers step over nothing.",
        ),
        Mistake(
            answers.turns(d_turn=("zero", "step")),
            "the discriminator never moves: backward() is never called on its loss.",
        ),
        Mistake(
            answers.sum_of_both(detached=False),
            "both players move along the sum of both losses, and of these wishes, which are opposite, little is "
            "left. Each loss is sent back alone and followed by its own player only; the discriminator's first.",
        ),
        Mistake(
            answers.sum_of_both(detached=True),
            "the discriminator moves along the sum of both losses: its own and the generator's, in one backward "
            "or in two without clearing in between. Clear, send back and step for the discriminator; then for "
            "the generator, before the new discriminator.",
        ),
        Mistake(
            answers.swapped(detached=True),
            "the optimisers are swapped: after the discriminator's loss the generator's optimiser steps, and the "
            "other way round. Each optimiser holds its own player's weights only.",
        ),
        Mistake(
            answers.swapped(detached=False),
            "the optimisers are swapped: each player moves along the other's loss. Each optimiser holds its own "
            "player's weights only. And cut the generated points off before the discriminator's loss sees them.",
        ),
        Mistake(
            answers.with_losses(of_d=lambda d, x, x_fake: discriminator_loss(d(x), d(x_fake).detach()).loss),
            "you detached the logits of the generated points, so the discriminator learns from real ones only. "
            "Detach the *points*, before the discriminator sees them: generator(z).detach().",
        ),
        Mistake(
            answers.unclear,
            "the discriminator's gradients aren't cleared before its loss: you clear them, but then the "
            "generator's loss fills them again, and the next call starts with that.",
        ),
        Mistake(
            answers.own_noise,
            "you drew noise of your own. Use the z that was given: only so can a step be tested exactly.",
        ),
        Mistake(
            answers.own_noise_for_the_generator,
            "you drew noise of your own for the generator's turn. Both turns are about the z that was given: "
            "only so can a step be tested exactly.",
        ),
    ),
)
