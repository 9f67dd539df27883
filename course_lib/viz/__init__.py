"""Figures: pure functions of tensors that return a matplotlib ``Figure``, the two ways to display one, and widgets.

A figure function draws nothing on the screen and leaves no state behind. ``show`` puts its figure into the notebook
with a caption; ``slider_figure`` redraws one as a slider moves. A widget is the last expression of a cell.
"""

from course_lib.viz.charts import bars, histograms, lines, shift_and_floor, training_curves
from course_lib.viz.clouds import clouds_and_samples
from course_lib.viz.densities import same_shares, wider_box
from course_lib.viz.diagrams.course import course_diagram
from course_lib.viz.diagrams.draws import draw_diagram
from course_lib.viz.diagrams.measuring import measuring_diagram
from course_lib.viz.diagrams.models import (
    autoencoder_diagram,
    denoising_diagram,
    gan_diagram,
    latent_space_diagram,
    latent_variable_diagram,
    three_models_diagram,
    vae_diagram,
    vae_gan_diagram,
)
from course_lib.viz.display import png, show
from course_lib.viz.images import image_grid, image_rows
from course_lib.viz.latents import latent_scatter, point_and_image, point_panels
from course_lib.viz.panels import game_panels
from course_lib.viz.plane import discriminator_field, vector_fields
from course_lib.viz.posteriors import aggregate_posterior, posterior_panels
from course_lib.viz.streams import stream_and_scores
from course_lib.viz.style import COLORS, new_figure
from course_lib.viz.walks import interpolate, latent_traversal
from course_lib.viz.widgets.alarm_stream import alarm_stream
from course_lib.viz.widgets.best_judge import best_judge
from course_lib.viz.widgets.cloud import cloud_and_line
from course_lib.viz.widgets.code_map import code_map
from course_lib.viz.widgets.denoiser_field import denoiser_field
from course_lib.viz.widgets.dirac_game import dirac_game
from course_lib.viz.widgets.draws import draw_and_gradient, gumbel_triangle
from course_lib.viz.widgets.fooled_rulers import fooled_rulers
from course_lib.viz.widgets.glyph_factors import glyph_factors
from course_lib.viz.widgets.model_advice import model_advice
from course_lib.viz.widgets.one_latent import one_latent
from course_lib.viz.widgets.pad import pad
from course_lib.viz.widgets.ring_game import ring_game
from course_lib.viz.widgets.scrubber import scrubber
from course_lib.viz.widgets.slider import SliderFigure, slider_figure
from course_lib.viz.widgets.three_models import three_models
from course_lib.viz.widgets.traversal import traversal_sliders
from course_lib.viz.widgets.turned_code import turned_code
from course_lib.viz.widgets.two_maps import two_maps
