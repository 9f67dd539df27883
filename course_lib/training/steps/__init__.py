"""One training step of each model: this is where the models of the course differ.

A step owns its networks' optimisers. It takes a batch of images and returns named scalars, detached. Networks and
data are on one device.
"""
