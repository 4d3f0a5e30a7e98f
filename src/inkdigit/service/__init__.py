"""The API: a trained model as a service. Imports no Keras and no TensorFlow."""

from importlib.util import find_spec

from inkdigit.errors import InkdigitError


def require() -> None:
    """Raise InkdigitError if the `serve` extra is not installed. Cheap, since nothing is imported."""
    if not all(
        map(find_spec, ("httptools", "msgspec", "prometheus_client", "python_multipart", "starlette", "uvicorn"))
    ):
        raise InkdigitError(
            'Serving needs more than the core of Inkdigit: pip install "inkdigit[serve]".', code="extra-missing"
        )
