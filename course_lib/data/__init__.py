"""The ground floor: images, signals, tables and toy densities as tensors. Nothing here knows a model."""

from course_lib.checks import check_images
from course_lib.data.breast_cancer import TableSet
from course_lib.data.catalogue import NAMES, load
from course_lib.data.corruptions import add_noise, mask_pixels, salt_and_pepper
from course_lib.data.images import ImageSet, binarize
from course_lib.data.integrity import HashMismatch
from course_lib.data.linear_gaussian import LinearGaussian, linear_gaussian
from course_lib.data.signals import SignalSet, signal_day
from course_lib.data.toy2d import GaussianMixture2D, grid, moons, ring, spiral
