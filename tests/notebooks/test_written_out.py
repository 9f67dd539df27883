"""What lessons write out is what the library has: a function is taken out of its notebook by name, and compared."""

import ast
import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from numpy.polynomial.hermite_e import hermegauss
from sklearn.metrics import f1_score
from torch import Tensor, nn
from torch.distributions import Categorical, MultivariateNormal, Normal, kl_divergence

from course_lib.data import GaussianMixture2D, binarize, linear_gaussian, spiral
from course_lib.models import (
    VAEGAN,
    ConvAutoencoder,
    ConvDecoder,
    ConvEncoder,
    ConvVAE,
    DeepDecoder,
    ToyDiscriminator,
    ToyGenerator,
    clip_weights,
    mlp,
    reparameterize,
    spectral_norm,
)
from course_lib.objectives import (
    bernoulli_log_prob,
    discriminator_loss,
    kl_standard_normal,
    squared_error,
    vae_gan_losses,
)
from course_lib.training import AutoencoderStep, GANStep, VAEGANStep, VAEStep
from course_lib.viz import interpolate

LESSONS = Path(__file__).parents[2] / "notebooks"


def written_out(lesson: str, *names: str, **given: Any) -> list[Any]:
    """The functions and classes ``names`` of the lesson whose file begins with ``lesson``, and nothing else run.

    ``given``: what they use of the rest of the notebook.
    """
    (path,) = LESSONS.glob(f"{lesson}_*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    found: dict[str, ast.stmt] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            for node in ast.parse("".join(cell["source"])).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    found[node.name] = node
    missing = [name for name in names if name not in found]
    assert not missing, f"{path.name} defines no {', '.join(missing)}"
    namespace = {"torch": torch, "nn": nn, "F": F, "math": math, **given}
    tree = ast.Module([found[name] for name in names], type_ignores=[])
    exec(compile(tree, str(path), "exec"), namespace)
    return [namespace[name] for name in names]


def test_lesson_01_writes_the_librarys_autoencoder() -> None:
    (written,) = written_out("01", "Autoencoder")
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(5)
    mine = written(latent_dim=7)
    torch.manual_seed(5)
    library = ConvAutoencoder(latent_dim=7)
    assert torch.equal(mine.encode(x), library.encode(x))
    assert torch.equal(mine(x), library(x))


def test_lesson_01_writes_the_librarys_error() -> None:
    (written,) = written_out("01", "squared_error")
    x_hat, x = torch.randn(2, 5, 1, 4, 3, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(written(x_hat, x), squared_error(x_hat, x), rtol=1e-6)


@pytest.mark.parametrize("num_steps", [1, 3])
def test_lesson_01_trains_as_the_librarys_step_does(num_steps: int) -> None:
    (train_model,) = written_out("01", "train_model", squared_error=squared_error, BATCH_SIZE=4)
    x = torch.rand(9, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    torch.manual_seed(6)
    mine = nn.Linear(6, 6).double()
    library = nn.Linear(6, 6).double()
    library.load_state_dict(mine.state_dict())
    train_model(mine, x, [(0.02, num_steps), (0.01, 2)], seed=11)

    step, generator = AutoencoderStep(library, lr=0.02), torch.Generator().manual_seed(11)
    for number in range(num_steps + 2):
        step.optimizer.param_groups[0]["lr"] = 0.02 if number < num_steps else 0.01
        step(x[torch.randint(9, (4,), generator=generator)])
    for ours, theirs in zip(mine.parameters(), library.parameters(), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-9)


def test_lesson_02_writes_the_score_of_the_smoothed_points() -> None:
    """Oracle: differences of the log of a mean of normal densities, in double precision."""
    curve = spiral(turns=1.25, std=0.01)
    (exact_score,) = written_out("02", "exact_score", curve=curve, GaussianMixture2D=GaussianMixture2D)
    y, sigma, h = torch.tensor([[-0.5, 0.8], [0.3, -0.2], [1.1, 1.0]]), 0.3, 1e-5

    def log_density(points: torch.Tensor) -> torch.Tensor:
        squares = (points[:, None] - curve.centers.double()).square().sum(2)
        return (-squares / (2 * (0.01**2 + sigma**2))).exp().mean(1).log()

    found = exact_score(y, sigma)
    for axis in (0, 1):
        step = h * torch.eye(2, dtype=torch.float64)[axis]
        slope = (log_density(y.double() + step) - log_density(y.double() - step)) / (2 * h)
        assert torch.allclose(found[:, axis].double(), slope, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("whole", [True, False])
def test_lesson_02_writes_the_share_of_variance_between_groups(whole: bool) -> None:
    """Oracle: R² of a least-squares fit on the groups, whose empty ones do no harm."""
    (explained,) = written_out("02", "explained")
    generator = torch.Generator().manual_seed(3)
    factor = torch.randint(5, (400,), generator=generator) * 3 if whole else torch.rand(400, generator=generator)
    z = torch.randn(400, 4, generator=generator) + factor[:, None] * torch.tensor([0.0, 0.2, 1.0, -3.0])
    groups = factor if whole else torch.bucketize(factor, factor.quantile(torch.linspace(0.1, 0.9, 9)))
    design = (groups[:, None] == groups.unique()).double()
    fit = design @ torch.linalg.lstsq(design, z.double()).solution
    expected = 1 - (z - fit).square().sum(0) / (z.double() - z.double().mean(0)).square().sum(0)
    assert torch.allclose(explained(z, factor).double(), expected, atol=1e-4)
    assert expected[0] < 0.1 < expected[3]


def test_lesson_02_counts_a_delay_from_the_faults_first_sample() -> None:
    (delays,) = written_out("02", "delays", ends=torch.tensor([3, 7, 11]))
    faults = torch.zeros(4, 12, dtype=torch.bool)
    faults[0, 5:9] = faults[1, 2] = faults[2, 7:] = faults[3, 10:] = True
    scores = torch.tensor([[9.0, 1.0, 9.0], [9.0, 9.0, 1.0], [1.0, 9.0, 1.0], [9.0, 9.0, 1.0]])
    assert delays(scores, faults, 5.0).tolist() == [6.0, 1.0, 0.0, math.inf]


def test_lesson_02s_friend_is_generous_and_the_honest_f1_is_scikit_learns() -> None:
    friends_f1, honest_f1 = written_out("02", "friends_f1", "honest_f1")
    generator = torch.Generator().manual_seed(5)
    faults = torch.zeros(300, 128, dtype=torch.bool)
    faults[:150, 40:80] = True
    score = torch.rand(300, 128, generator=generator)
    truth = faults.flatten().numpy()
    assert honest_f1(score, faults, 0.7) == pytest.approx(
        f1_score(truth, (score > 0.7).flatten().numpy()), abs=1e-6
    )
    best = max(honest_f1(score, faults, t) for t in score.flatten().quantile(torch.linspace(0.5, 0.99, 20)))
    assert friends_f1(score, faults) > best + 0.3


@pytest.mark.parametrize(("x", "mean", "width"), [(4.0, 1.9, 0.2), (-0.5, 0.3, 0.6)])
def test_lesson_03_computes_the_elbo_of_one_number_on_its_grid(x: float, mean: float, width: float) -> None:
    z = torch.linspace(-12, 12, 4_801, dtype=torch.float64)
    (on_the_grid,) = written_out("03", "on_the_grid", Normal=Normal, z_grid=z, dz=24 / 4_800)
    elbo, kl, log_evidence = on_the_grid(x, mean, width)
    second, fourth = mean**2 + width**2, mean**4 + 6 * mean**2 * width**2 + 3 * width**4
    reconstruction = -2 * (x**2 - 2 * x * second + fourth) - math.log(0.5) - 0.5 * math.log(2 * math.pi)
    price = kl_divergence(Normal(mean, width), Normal(0.0, 1.0)).item()
    assert elbo == pytest.approx(reconstruction - price, abs=1e-5)
    assert elbo + kl == pytest.approx(log_evidence, abs=1e-5)
    joint = (Normal(0.0, 1.0).log_prob(z) + Normal(z**2, 0.5).log_prob(torch.tensor(x).double())).exp()
    assert log_evidence == pytest.approx(torch.trapezoid(joint, z).log().item(), abs=1e-5)


def test_lesson_03_knows_the_elbo_of_the_linear_world() -> None:
    """Under the exact posterior it is log p(x), and under another q less by the divergence."""
    world = linear_gaussian(data_dim=6, latent_dim=3)
    x = world.sample(1, torch.Generator().manual_seed(2)).double()
    world = type(world)(world.weight, torch.zeros(6), world.std)  # the lesson's has no bias
    prior = MultivariateNormal(torch.zeros(3).double(), torch.eye(3).double())
    (log_likelihood,) = written_out("03", "log_likelihood", Normal=Normal)
    given = {"world": world, "x": x[0], "prior": prior, "kl_divergence": kl_divergence}
    (closed_form_elbo,) = written_out("03", "closed_form_elbo", log_likelihood=log_likelihood, **given)
    exact = world.posterior(x)
    posterior = MultivariateNormal(exact.mean[0], exact.covariance_matrix.reshape(-1, 3, 3)[0])
    assert closed_form_elbo(posterior) == pytest.approx(world.log_prob(x).item(), abs=1e-5)
    q = MultivariateNormal(posterior.mean + 0.4, torch.diag(torch.tensor([0.3, 0.1, 0.5])).double())
    gap = kl_divergence(q, posterior).item()
    assert closed_form_elbo(q) == pytest.approx(world.log_prob(x).item() - gap, abs=1e-5)


def test_lesson_04_writes_two_estimators_of_the_same_gradient() -> None:
    """Their means by quadrature, which is exact for polynomials, are the gradient of the mean cost."""
    pathwise, score_function = written_out("04", "pathwise", "score_function")
    nodes, weights = (torch.from_numpy(values) for values in hermegauss(12))
    eps = torch.cartesian_prod(nodes, nodes)
    weight = torch.cartesian_prod(weights, weights).prod(1) / (2 * math.pi)
    mu, sigma = 0.7, 1.3

    def cost(z: torch.Tensor) -> torch.Tensor:
        return z[:, 0] ** 3 + z[:, 0] * z[:, 1] - z[:, 1] ** 2

    exact = torch.tensor([[3 * (mu**2 + sigma**2) + mu, -mu], [6 * mu * sigma, -2 * sigma]], dtype=torch.float64)
    for found in (pathwise(cost, mu, sigma, eps), score_function(cost, mu, sigma, eps, 2.5)):
        assert found.shape == (2, len(eps), 2)
        assert torch.allclose((weight[:, None] * found).sum(1), exact)


def test_lesson_04_writes_the_divergence_of_its_dials() -> None:
    (kl_uniform,) = written_out("04", "kl_uniform", F=nn.functional, POSITIONS=4)
    logits = 2 * torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(4))
    uniform = Categorical(logits=torch.zeros(4))
    assert torch.allclose(kl_uniform(logits), kl_divergence(Categorical(logits=logits), uniform).sum(1), rtol=1e-5)


GIVEN = {"binarize": binarize, "ConvEncoder": ConvEncoder, "ConvDecoder": ConvDecoder}


def test_lesson_05_writes_the_librarys_two_terms() -> None:
    kl_to_prior, two_terms = written_out("05", "kl_to_prior", "two_terms")
    generator = torch.Generator().manual_seed(4)
    logits, uniform = 2 * torch.randn(2, 5, 1, 4, 3, generator=generator)
    x = (uniform > 0.3).float()
    mu, logvar = torch.randn(2, 5, 7, generator=generator)
    assert torch.allclose(kl_to_prior(mu, logvar), kl_standard_normal(mu, logvar), rtol=1e-5)
    distortion, rate = two_terms(logits, x, mu, logvar)
    assert torch.allclose(distortion, -bernoulli_log_prob(logits, x), rtol=1e-5)
    assert torch.equal(rate, kl_to_prior(mu, logvar))


def test_lesson_05_writes_the_librarys_vae() -> None:
    (written,) = written_out("05", "VAE", ConvEncoder=ConvEncoder, ConvDecoder=ConvDecoder)
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(5)
    mine = written(latent_dim=7)
    torch.manual_seed(5)
    library = ConvVAE(latent_dim=7, batch_norm=True)
    for ours, theirs in zip(mine.encode(x), library.encode(x), strict=True):
        assert torch.equal(ours, theirs)
    z = torch.randn(3, 7, generator=torch.Generator().manual_seed(2))
    assert torch.equal(mine.decode(z), library.decode(z))


@pytest.mark.parametrize("beta", [1.0, 3.0])
def test_lesson_05_trains_as_the_librarys_step_does(beta: float) -> None:
    written, _, _, train_model = written_out("05", "VAE", "kl_to_prior", "two_terms", "train_model", **GIVEN)
    # float64: a bias before batch normalisation has no gradient but rounding, of which Adam makes whole steps
    x = torch.rand(20, 1, 28, 28, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    torch.manual_seed(6)
    mine, library = written(latent_dim=3).double(), ConvVAE(latent_dim=3, batch_norm=True).double()
    library.load_state_dict(mine.state_dict())
    torch.manual_seed(7)
    history = train_model(mine, x, 4, beta=beta, batch_size=5, seed=11)

    step, generator = VAEStep(library, lr=3e-3, beta=beta), torch.Generator().manual_seed(11)
    torch.manual_seed(7)
    for number in range(4):
        step.optimizer.param_groups[0]["lr"] = 3e-3 if number < 3 else 5e-4
        parts = step(x[torch.randint(20, (5,), generator=generator)])
        assert history[number] == pytest.approx((parts["-reconstruction"].item(), parts["KL"].item()), rel=1e-4)
    with torch.no_grad():
        for ours, theirs in zip(mine.encode(x), library.encode(x), strict=True):
            assert torch.allclose(ours, theirs, rtol=1e-6)
        assert torch.allclose(mine.decode(x[:5, 0, 0, :3]), library.decode(x[:5, 0, 0, :3]), rtol=1e-4)


def test_lesson_05_without_noise_and_rate_trains_an_autoencoder() -> None:
    written, _, _, train_model = written_out("05", "VAE", "kl_to_prior", "two_terms", "train_model", **GIVEN)
    x = torch.rand(20, 1, 28, 28, generator=torch.Generator().manual_seed(3)).round()
    torch.manual_seed(6)
    mine = written(latent_dim=3)
    before = mine.encoder[-1].weight.detach().clone()
    train_model(mine, x, 3, beta=0.0, noise=0.0, batch_size=5)
    moved = (mine.encoder[-1].weight - before).abs().amax(1) > 0
    assert moved.tolist() == [True] * 3 + [False] * 3, "widths have no gradient"


@pytest.mark.parametrize("skip", [False, True])
def test_lesson_06_writes_the_librarys_deep_decoder(skip: bool) -> None:
    (written,) = written_out("06", "DeepDecoder")
    z = torch.randn(5, 3, generator=torch.Generator().manual_seed(7))
    torch.manual_seed(8)
    mine = written(3, num_layers=4, skip=skip)
    torch.manual_seed(8)
    library = DeepDecoder(3, num_layers=4, skip=skip)
    assert torch.equal(mine(z), library(z))


def adam(*players: nn.Module) -> list[torch.optim.Adam]:
    return [torch.optim.Adam(player.parameters(), lr=1e-3, betas=(0.5, 0.99)) for player in players]


def assert_equal_weights(mine: nn.Module, theirs: nn.Module) -> None:
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_lesson_07_writes_the_value_of_the_game() -> None:
    (value,) = written_out("07", "value")
    real_logits, fake_logits = torch.tensor([2.0, -0.5, 30.0]), torch.tensor([-1.0, 40.0])
    torch.testing.assert_close(value(real_logits, fake_logits), -discriminator_loss(real_logits, fake_logits).loss)


def test_lesson_07_takes_the_turns_of_the_librarys_step() -> None:
    _, gan_step = written_out("07", "descend", "gan_step")
    torch.manual_seed(0)
    G, D = ToyGenerator(), ToyDiscriminator()
    library = GANStep(copy.deepcopy(G), copy.deepcopy(D), 2, regularisers=[], squash=False)
    optimizers = adam(G, D)
    for number in range(3):
        x = torch.randn(32, 2, generator=torch.Generator().manual_seed(number)) + 1
        torch.manual_seed(number)
        d_loss = gan_step(G, D, *optimizers, x, torch.randn(32, 2))
        torch.manual_seed(number)
        assert d_loss == pytest.approx(library(x)["discriminator"].item(), rel=1e-4)
    assert_equal_weights(G, library.generator)
    assert_equal_weights(D, library.discriminator)


def test_lesson_07s_friend_never_shows_generated_points_to_the_discriminator() -> None:
    descend, friends_step = written_out("07", "descend", "friends_step")
    torch.manual_seed(1)
    G, D = ToyGenerator(), ToyDiscriminator()
    alone, x = copy.deepcopy(D), torch.randn(32, 2)
    friends_step(G, D, *adam(G, D), x, torch.randn(32, 2))
    (optimizer,) = adam(alone)
    descend(optimizer, F.softplus(-alone(x)).mean())
    assert_equal_weights(D, alone)


@pytest.mark.parametrize(("momentum", "gamma"), [(0.0, 0.0), (0.7, 0.0), (0.9, 0.4)])
def test_lesson_07_plays_the_game_of_two_weights_in_turns(momentum: float, gamma: float) -> None:
    (two_weights,) = written_out("07", "two_weights")
    theta, psi = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (1.0, 0.0))
    # SGD's momentum m adds up gradients, so that a rate of 0.1 (1 - m) takes a step's share of each
    d_opt, g_opt = (torch.optim.SGD([p], lr=0.1 * (1 - momentum), momentum=momentum) for p in (psi, theta))
    path = []
    for _ in range(40):
        path.append([theta.item(), psi.item()])
        losses = (lambda: F.softplus(psi * theta) + 0.5 * gamma * psi.square()), (lambda: F.softplus(-psi * theta))
        for optimizer, loss in zip((d_opt, g_opt), losses, strict=True):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
    found = two_weights(momentum, gamma, rate=0.1, num_steps=40).double()
    torch.testing.assert_close(found, torch.tensor(path, dtype=torch.float64), rtol=1e-4, atol=1e-6)


def test_lesson_07_walks_from_corner_to_corner() -> None:
    (between,) = written_out("07", "between", interpolate=interpolate)
    corners = torch.randn(4, 16, generator=torch.Generator().manual_seed(2))
    places = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
    for corner, (x, y) in zip(corners, places, strict=True):
        torch.testing.assert_close(between(corners, x, y), corner[None], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("penalty", [0.0, 0.3, 2.0])
def test_lesson_08_differentiates_the_game_and_its_slope(penalty: float) -> None:
    velocity, eigenvalues = written_out("08", "velocity", "eigenvalues")
    theta, psi = 0.7, -1.2
    pull = 1 / (1 + math.exp(-psi * theta))  # D of the generator's number
    expected = torch.tensor([psi * pull, -theta * pull - penalty * psi])
    found = velocity(torch.tensor([theta, psi], requires_grad=True), penalty)
    torch.testing.assert_close(found.detach(), expected, rtol=1e-5, atol=1e-6)
    root = complex(penalty**2 - 1) ** 0.5
    both = sorted([0.5 * (-penalty + root), 0.5 * (-penalty - root)], key=lambda v: (v.real, v.imag))
    values = sorted(eigenvalues(penalty).tolist(), key=lambda v: (round(v.real, 9), v.imag))
    torch.testing.assert_close(torch.tensor(values), torch.tensor(both), rtol=1e-6, atol=1e-6)


def test_lesson_08_measures_both_distances_of_narrow_densities() -> None:
    x = torch.linspace(-1, 6, 70_001, dtype=torch.float64)
    (apart,) = written_out("08", "apart", Normal=Normal, x=x)
    jsd, wasserstein = apart(0.15)
    p, q = Normal(0.0, 0.1), Normal(0.15, 0.1)
    torch.manual_seed(0)
    each = []
    for one, other in ((p, q), (q, p)):
        drawn = one.sample((200_000,))
        each.append(math.log(2) - F.softplus(other.log_prob(drawn) - one.log_prob(drawn)).mean().item())
    assert jsd == pytest.approx(sum(each) / 2, abs=2e-3)
    assert wasserstein == pytest.approx(0.15, abs=1e-6)


def test_lesson_08s_critic_measures_a_distance_at_slope_one() -> None:
    critic_for, difference, slope = written_out(
        "08", "critic_for", "difference", "slope", CRITIC_STEPS=300, mlp=mlp, spectral_norm=spectral_norm,
        clip_weights=clip_weights,
    )  # fmt: skip

    def real(n: int) -> Tensor:
        return 1.4 + 0.1 * torch.randn(n, 1)

    def fake(n: int) -> Tensor:
        return 0.1 * torch.randn(n, 1)

    critic = critic_for(real, fake, 0, penalty=10.0)
    assert difference(critic, real, fake) == pytest.approx(1.4, rel=0.15)
    assert slope(critic) == pytest.approx(1.0, rel=0.3)
    clipped = critic_for(real, fake, 0, clip=0.05)
    assert max(p.abs().max().item() for p in clipped.parameters()) == torch.tensor(0.05).item()


def test_lesson_09s_turns_give_each_network_the_gradient_of_the_librarys_step() -> None:
    """Networks that stand still, and the same noise in each turn: then one pass and three are the same."""
    kinds = ["KL", "feature error", "tell", "fool"]
    parts_of, networks_of = written_out(
        "09", "parts_of", "networks_of", reparameterize=reparameterize, vae_gan_losses=vae_gan_losses, kinds=kinds
    )
    five = {
        "encoder": {"KL": 0.3, "feature error": 1.0},
        "decoder": {"feature error": 0.7, "fool": 1.0},
        "D": {"tell": 1.0},
    }
    (turns,) = written_out("09", "turns", parts_of=parts_of, FIVE=five)
    torch.manual_seed(1)
    model, x = VAEGAN(6), torch.rand(5, 1, 28, 28)
    found: dict[str, list[Tensor]] = {}

    class Recorder:
        def __init__(self, name: str) -> None:
            self.name = name

        def step(self) -> None:
            parameters = networks_of(model)[self.name].parameters()
            found[self.name] = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in parameters]
            torch.manual_seed(2)

    torch.manual_seed(2)
    turns(model, {name: Recorder(name) for name in five}, x)
    expected, _ = VAEGANStep(model, beta=0.3, gamma=0.7, regularisers=[]).gradients(x)
    for ours, theirs in zip(found.values(), expected.values(), strict=True):
        for mine, library in zip(ours, theirs, strict=True):
            assert torch.allclose(mine, library, rtol=1e-4, atol=1e-5)
