"""The three objectives of the VAE-GAN, put together from their parts (Larsen et al. 2016, algorithm 1)."""

import torch
import torch.nn.functional as F

from course_lib.probes.ex09 import three_objectives
from course_lib.tasks.core import Mistake, Task
from course_lib.tasks.ex09_vae_gan import objective_answers as answers
from course_lib.tasks.ex09_vae_gan.objective_words import in_its_terms

VAE_GAN_OBJECTIVES = Task(
    name="vae_gan_objectives",
    points=3,
    cases=answers.part_cases,
    probe=three_objectives,
    explain=in_its_terms,
    reference=answers.answer(answers.right),
    alternatives=(
        answers.with_cross_entropy,
        answers.answer(
            lambda p: (
                (p.kl + p.error).sum() / len(p.kl),
                p.gamma * p.feature - F.logsigmoid(torch.cat([p.logits_hat, p.logits_prior])).mean(),
                -F.logsigmoid(p.logits).mean() - F.logsigmoid(-torch.cat([p.logits_hat, p.logits_prior])).mean(),
            )
        ),
    ),
    mistakes=(
        Mistake(
            answers.encoder(lambda p: p.kl.mean() + p.feature + p.fool),
            "the encoder is rewarded for fooling the discriminator. Its objective is a VAE's: the price of "
            "the code, and the error of the reconstruction. Realism is the decoder's business.",
        ),
        Mistake(
            answers.encoder(lambda p: p.kl.mean() + p.gamma * p.feature),
            "gamma weighs the feature error in the encoder's objective too. It belongs to the decoder's "
            "only, where the error competes with fooling the discriminator.",
        ),
        Mistake(
            answers.encoder(lambda p: p.feature),
            "the KL is missing. Without it codes lie anywhere, and samples of the prior decode to nothing.",
        ),
        Mistake(
            answers.encoder(lambda p: p.feature - p.kl.mean()),
            "the sign of the KL is turned round in the encoder's objective. A dear code must make the loss "
            "larger.",
        ),
        Mistake(
            answers.decoder(lambda p: p.gamma * p.feature + p.tell),
            "the adversarial sign of the decoder is wrong: you added the discriminator's own loss, so the "
            "decoder helps to tell its images from real ones.",
        ),
        Mistake(
            answers.decoder(lambda p: p.gamma * p.feature + p.fake(1.0)),
            "the adversarial sign of the decoder is wrong: its loss falls as the logits of its images "
            "fall, so it learns to make images that look false. A positive logit says real.",
        ),
        Mistake(
            answers.decoder(lambda p: p.gamma * p.feature - p.fool),
            "you subtracted the part that fools the discriminator. It is a loss: small when the decoder succeeds.",
        ),
        Mistake(
            answers.decoder(lambda p: p.gamma * p.feature - p.tell),
            "this is the form in the paper's algorithm, minus the discriminator's loss. The direction is "
            "right, but its gradient vanishes while the discriminator wins (the saturating loss of lesson "
            "07). Use -log D.",
        ),
        Mistake(
            answers.decoder(lambda p: p.gamma * p.feature - p.fake(1.0)),
            "this is the saturating form, log(1 - D). The direction is right, but its gradient vanishes "
            "while the discriminator wins. Lesson 07 has the other one.",
        ),
        Mistake(
            answers.decoder(lambda p: p.feature + p.fool),
            "gamma is missing from the decoder's objective.",
        ),
        Mistake(
            answers.decoder(lambda p: p.feature + p.gamma * p.fool),
            "gamma stands before the wrong part. It weighs the feature error.",
        ),
        Mistake(
            answers.decoder(lambda p: p.gamma * (p.feature + p.fool)),
            "gamma multiplies the whole of the decoder's objective, so the balance of its two parts isn't "
            "changed by it.",
        ),
        Mistake(
            answers.decoder(lambda p: p.gamma * p.feature + (1 - p.gamma) * p.fool),
            "you weighed the two parts with gamma and 1 - gamma. Here fooling the discriminator has weight "
            "1, and gamma may exceed 1.",
        ),
        Mistake(
            answers.decoder(lambda p: p.kl.mean() + p.gamma * p.feature + p.fool),
            "the KL is in the decoder's objective. It would do no harm, as it doesn't depend on the "
            "decoder, but the value isn't the objective any more.",
        ),
        Mistake(
            answers.decoder(lambda p: p.fool),
            "the feature error is missing from the decoder's objective. Then nothing ties a reconstruction "
            "to its image.",
        ),
        Mistake(
            answers.decoder(lambda p: p.gamma * p.feature + 2 * p.fool),
            "in the decoder's objective reconstructions and samples count whole each. They count half "
            "each, so that they weigh together as much as a batch of real images.",
        ),
        Mistake(
            answers.decoder(lambda p: p.gamma * p.feature + F.softplus(-p.logits_prior).mean()),
            "the decoder is to fool the discriminator with its reconstructions too, not only with samples "
            "of the prior.",
        ),
        Mistake(
            answers.decoder(lambda p: p.gamma * p.feature + F.softplus(-p.logits_hat).mean()),
            "the decoder is to fool the discriminator with samples of the prior too, not only with "
            "reconstructions.",
        ),
        Mistake(
            answers.discriminator(lambda p: F.softplus(p.logits).mean() + p.fake(-1.0)),
            "real and decoded images changed places in the discriminator's objective. A positive logit says real.",
        ),
        Mistake(
            answers.discriminator(lambda p: -p.tell),
            "the sign of the discriminator's objective is turned round. It is a loss, to be minimised.",
        ),
        Mistake(
            answers.discriminator(lambda p: p.tell + p.feature),
            "the discriminator gets the feature error. It could then make reconstructions look perfect by "
            "making its features blind.",
        ),
        Mistake(
            answers.discriminator(lambda p: p.tell + p.fake(1.0)),
            "in the discriminator's objective reconstructions and samples count whole each. They count "
            "half each, so that real and decoded images weigh the same.",
        ),
        Mistake(
            answers.discriminator(lambda p: F.softplus(-p.logits).mean() + F.softplus(p.logits_prior).mean()),
            "reconstructions are left out of the discriminator's objective. It judges both kinds of "
            "decoded images.",
        ),
        Mistake(
            answers.discriminator(lambda p: F.softplus(-p.logits).mean() + F.softplus(p.logits_hat).mean()),
            "samples of the prior are left out of the discriminator's objective. It judges both kinds of "
            "decoded images.",
        ),
        Mistake(
            answers.discriminator(lambda p: p.fake(1.0)),
            "real images are left out of the discriminator's objective. It could call everything false.",
        ),
        Mistake(
            answers.discriminator(
                lambda p: (
                    F.softplus(-p.logits).mean()
                    + 0.5 * (F.softplus(p.logits_hat) + F.softplus(p.logits_prior)).mean().detach()
                )
            ),
            "the values are right, but the logits of decoded images are detached, so the discriminator "
            "never learns from them. What may not be reached are the other networks; that is the next "
            "task.",
        ),
        Mistake(
            answers.answer(
                lambda p: (
                    p.kl.mean() + p.feature,
                    p.gamma * p.feature + 2 * p.fool,
                    p.tell + p.fake(1.0),
                )
            ),
            "reconstructions and samples count whole each, for decoder and discriminator. They count half "
            "each, so that real and decoded images weigh the same.",
        ),
        Mistake(
            answers.one_kind_only("logits_prior"),
            "only samples of the prior count, for decoder and discriminator. Both kinds of decoded images do, "
            "half each: nobody learns from the reconstructions here.",
        ),
        Mistake(
            answers.one_kind_only("logits_hat"),
            "only reconstructions count, for decoder and discriminator. Both kinds of decoded images do, half "
            "each: nobody learns from samples of the prior here.",
        ),
        Mistake(
            answers.answer(
                lambda p: (
                    answers.right(p)[0],
                    p.gamma * p.feature - 0.5 * (p.logits_hat + p.logits_prior).mean(),
                    (0.5 * (p.logits_hat + p.logits_prior) - p.logits).mean(),
                )
            ),
            "these are the Wasserstein critic's losses: logits without a logarithm. Fool and tell are minus the "
            "logarithms of probabilities.",
        ),
        Mistake(
            answers.answer(lambda p: tuple(objective * len(p.kl) for objective in answers.right(p))),
            "you summed over the batch. The objectives are means over the batch, so that a larger batch "
            "doesn't mean a larger step.",
        ),
        Mistake(
            answers.answer(
                lambda p: (p.kl + p.error, p.gamma * p.error + p.losses.fool, p.losses.tell),
            ),
            "the mean over the batch is missing. Three scalars were asked for.",
        ),
        Mistake(
            answers.answer(lambda p: (answers.right(p)[1], answers.right(p)[0], answers.right(p)[2])),
            "encoder and decoder changed places. The order is encoder, decoder, discriminator.",
        ),
        Mistake(
            answers.answer(lambda p: (p.kl.mean() + p.gamma * p.feature + p.fool + p.tell,) * 3),
            "all three networks have the same objective. They want different things: two of them want "
            "opposite things.",
        ),
        Mistake(
            answers.answer(answers.by_log),
            "right as mathematics, but sigmoid rounds to exactly 0 or 1 at large logits, and log(0) spoils "
            "value and gradient. F.softplus works on the logits themselves.",
        ),
        Mistake(
            lambda *inputs: answers.by_log(answers.Parts(*inputs), 1e-8),
            "a small number inside the logarithm hides log(0), but it kills the gradient where the decoder "
            "needs it most. F.softplus works on the logits themselves.",
        ),
        Mistake(
            answers.answer(answers.by_clamped_log),
            "binary_cross_entropy on probabilities cuts the logarithm off at -100, and the gradient with it. "
            "There is a version which takes the logits.",
        ),
        Mistake(
            answers.answer(lambda p: answers.right(p.squashed())),
            "the sigmoid is applied twice: softplus and the cross-entropy with logits take the logits as "
            "they are.",
        ),
    ),
)
