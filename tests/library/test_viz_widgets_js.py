"""The widgets' functions in JavaScript, run by node as front ends get them, against torch and numpy."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import needs_node
from torch import nn

from course_lib.models import ConvAutoencoder, ConvVAE
from course_lib.viz.widgets.host import module, packed
from course_lib.viz.widgets.layers import layers

pytestmark = needs_node
PROGRAM = """\
import {{ readFileSync }} from "node:fs";
import * as it from "{module}";
import {{ unpack }} from "{data}";
const given = unpack(JSON.parse(readFileSync(0, "utf8")));
const typed = (_, value) => (value instanceof Float32Array ? Array.from(value) : value);
console.log(JSON.stringify((({expression}))(it, given), typed));
"""


def address(name: str) -> str:
    return "data:text/javascript;base64," + base64.b64encode(module(name).encode()).decode()


def node(tmp_path: Path, name: str, expression: str, given: Any) -> Any:
    """What ``expression``, a function of the module ``name`` and the data ``given``, returns in node."""
    program = tmp_path / "program.mjs"
    text = PROGRAM.format(module=address(name), data=address("data.js"), expression=expression)
    program.write_text(text, encoding="utf-8")
    done = subprocess.run(["node", program], input=json.dumps(given), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def far_from_neutral(network: nn.Module) -> nn.Module:
    """Weights, biases and running statistics away from zero and one."""
    torch.manual_seed(1)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 0.8, 0.5)
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.3, 2)
        if getattr(layer, "bias", None) is not None:
            nn.init.normal_(layer.bias, 0.2, 0.5)
    return network.eval()


CASES = {
    "encoder": (lambda: ConvAutoencoder(2).encoder, (1, 28, 28)),
    "decoder": (lambda: ConvAutoencoder(2).decoder, (2,)),
    "decoder with batch normalisation": (lambda: ConvVAE(16, batch_norm=True).decoder, (16,)),
    "another shape": (lambda: ConvAutoencoder(3, (4, 6), image_shape=(2, 12, 20)).encoder, (2, 12, 20)),
    "layers by themselves": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, (3, 5), stride=1, padding=2),
            nn.BatchNorm2d(3),
            nn.Sigmoid(),
            nn.ConvTranspose2d(3, 2, (5, 3), stride=3, padding=1),
            nn.BatchNorm2d(2),
        ),
        (2, 6, 9),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_networks_are_those_of_torch(tmp_path: Path, case: str) -> None:
    build, shape = CASES[case]
    network = far_from_neutral(build())
    inputs = 2 * torch.rand(4, *shape) - 0.5
    given = {"layers": layers(network), "inputs": [packed(x) for x in inputs]}
    results = node(tmp_path, "nets.js", "(it, g) => g.inputs.map((x) => it.run(g.layers, x))", given)
    with torch.no_grad():
        expected = network(inputs)
    for result, y in zip(results, expected, strict=True):
        assert result["shape"] == list(y.shape)
        assert torch.allclose(torch.tensor(result["values"]), y.flatten(), atol=1e-4)
    assert expected.std() > 0.1, "a test of nothing"


def test_the_squared_error_is_summed_over_pixels(tmp_path: Path) -> None:
    a, b = torch.rand(2, 1, 5, 7)
    found = node(tmp_path, "nets.js", "(it, g) => it.squaredError(g[0], g[1])", [packed(a), packed(b)])
    assert found == pytest.approx(((a - b) ** 2).sum().item(), rel=1e-5)


@pytest.mark.parametrize(
    "refused",
    [
        nn.Tanh(),
        nn.Conv2d(1, 2, 3, dilation=2),
        nn.Conv2d(2, 2, 3, groups=2),
        nn.Conv2d(1, 2, 3, stride=(1, 2)),
        nn.Conv2d(1, 2, 3, padding="same"),
        nn.ConvTranspose2d(1, 2, 3, stride=2, output_padding=1),
        nn.Linear(2, 3, bias=False),
        nn.BatchNorm2d(3),  # with nothing before it
    ],
)
def test_what_the_browser_could_not_compute_is_refused(refused: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"nets\.js|must follow"):
        layers(nn.Sequential(refused))


def test_a_cloud_has_the_mean_covariance_and_principal_axis_of_numpy(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    clouds = [
        random.normal(size=(n, 2)) @ random.normal(size=(2, 2)) + random.normal(size=2) for n in (3, 28, 100)
    ]
    angles = [0.4, -1.2, 1.5]
    found = node(
        tmp_path,
        "cloud.js",
        """(it, { clouds, angles }) => clouds.map((points, i) => ({
          mean: it.mean(points), covariance: it.covariance(points),
          angle: it.principalAngle(it.covariance(points)), losses: it.losses(points, angles[i]),
          least: it.sum(it.losses(points, it.principalAngle(it.covariance(points)))),
          foot: it.project(points[0], [0.3, -0.2], angles[i]), combined: it.combine(points[0], points[1], points[2]),
        }))""",
        {"clouds": [points.tolist() for points in clouds], "angles": angles},
    )
    for one, points, angle in zip(found, clouds, angles, strict=True):
        covariance = np.cov(points.T, bias=True)
        variances, directions = np.linalg.eigh(covariance)
        assert one["mean"] == pytest.approx(points.mean(0))
        assert np.allclose(one["covariance"], covariance)
        axis = np.array([np.cos(one["angle"]), np.sin(one["angle"])])
        assert abs(axis @ directions[:, 1]) == pytest.approx(1)
        normal = np.array([-np.sin(angle), np.cos(angle)])
        assert one["losses"] == pytest.approx(((points - points.mean(0)) @ normal) ** 2)
        assert one["least"] == pytest.approx(len(points) * variances[0])
        centre, along = np.array([0.3, -0.2]), np.array([np.cos(angle), np.sin(angle)])
        assert one["foot"] == pytest.approx(centre + (points[0] - centre) @ along * along)
        assert one["combined"] == pytest.approx(points[0] @ points[1:3])


def test_pictures_are_turned_and_shifted_as_by_torch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    x = torch.zeros(1, 1, 28, 28)
    x[..., 4:24, 6:22] = torch.rand(20, 16)
    moves = [(3, -2, 0), (0, 0, 90), (0, 0, 25), (1, 2, -40)]
    expression = "(it, g) => g.moves.map((move) => it.moved(g.x, ...move).values)"
    found = node(tmp_path, "pictures.js", expression, {"x": packed(x[0]), "moves": moves})
    images = torch.tensor(found).reshape(-1, 28, 28)
    assert torch.allclose(images[0], torch.roll(x[0, 0], (-2, 3), (0, 1)), atol=1e-6)
    assert torch.allclose(images[1], torch.rot90(x[0, 0]), atol=1e-5)
    for image, (right, down, degrees) in zip(images, moves, strict=True):
        turn = torch.deg2rad(torch.tensor(float(degrees)))
        inverse = torch.tensor([[turn.cos(), -turn.sin()], [turn.sin(), turn.cos()]])
        shift = -inverse @ torch.tensor([float(right), float(down)]) * 2 / 28
        grid = F.affine_grid(torch.cat([inverse, shift[:, None]], 1)[None], [1, 1, 28, 28], align_corners=False)
        assert torch.allclose(image, F.grid_sample(x, grid, align_corners=False)[0, 0], atol=1e-4)


def test_the_brush_leaves_a_soft_round_dot_and_wipes_nothing_out(tmp_path: Path) -> None:
    x = torch.full((1, 28, 28), 0.25)
    expression = "(it, g) => it.stamped(g, 10.5, 6.5, 2).values"
    image = torch.tensor(node(tmp_path, "pictures.js", expression, packed(x))).reshape(28, 28)
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    distance = torch.hypot(rows - 6, columns - 10)
    assert torch.allclose(image, (2.5 - distance).clamp(0, 1).maximum(x[0]))


def test_the_nearest_code_and_the_clouds_that_hold_a_point_are_those_of_torch(tmp_path: Path) -> None:
    torch.manual_seed(2)
    codes, mu, sigma = torch.randn(50, 2), torch.randn(50, 2), 0.2 + torch.rand(50, 2)
    units, points, radius = torch.tensor([0.7, 1.6]), 1.5 * torch.randn(20, 2), 1.7
    found = node(
        tmp_path,
        "codes.js",
        """(it, g) => g.points.map((point) => [
          it.toNearest(g.codes.values, point, g.units),
          it.covering(g.mu.values, g.sigma.values, point, g.radius),
        ])""",
        {
            "codes": packed(codes),
            "mu": packed(mu),
            "sigma": packed(sigma),
            "units": units.tolist(),
            "points": points.tolist(),
            "radius": radius,
        },
    )
    nearest = torch.cdist(points / units, codes / units).amin(1)
    inside = (((points[:, None] - mu) / sigma).norm(dim=2) <= radius).sum(1)
    assert torch.allclose(torch.tensor([row[0] for row in found]), nearest, atol=1e-4)
    assert [row[1] for row in found] == inside.tolist()
    assert 0 < inside.float().mean() < 50, "a test of nothing"


def test_labels_are_pushed_apart_and_no_further(tmp_path: Path) -> None:
    points = [[10.0, 10.0], [14.0, 12.0], [14.0, 12.0], [90.0, 40.0], [60.0, 80.0], [18.0, 6.0]]
    apart = node(tmp_path, "cloud.js", "(it, points) => it.apart(points, 20)", points)
    gaps = np.linalg.norm(np.subtract.outer(apart, apart).diagonal(axis1=1, axis2=3), axis=-1)
    assert gaps[~np.eye(6, dtype=bool)].min() > 20 - 1e-6
    assert apart[3:5] == points[3:5], "what was far enough stays"
    moved = np.linalg.norm(np.subtract(apart, points), axis=1)
    assert moved.max() < 40
