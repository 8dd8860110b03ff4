"""An open AIoT ecosystem: the home, the ecosystem around it, and the flywheel that joins them."""

__version__ = "0.1.0"
