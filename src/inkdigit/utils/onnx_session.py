"""The bytes of an ONNX file -> a session of ONNX Runtime on the CPU, with the options used everywhere."""

from __future__ import annotations

from typing import Any

from inkdigit.utils.external_data import refuse_external_data


def onnx_session(model: bytes, *, threads: int = 0, arena: bool = True) -> Any:
    """Open a model. ONNX Runtime is imported here, not with this module.

    Args:
        model: the bytes of an ONNX file.
        threads: how many one call uses; 0 is one for each core.
        arena: whether freed memory is kept for later calls. With inputs of many shapes it would grow with each shape.

    Raises:
        InkdigitError: the model takes weights from other files, or is not an ONNX file.
        Exception: ONNX Runtime cannot open the model; its errors have no other common base.
    """
    import onnxruntime

    refuse_external_data(model)
    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_cpu_mem_arena = arena
    # Idle threads that spin keep the core from others who need it: on a busy machine that halves the speed.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Not ONNX Runtime's own format, which the check above does not read.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
