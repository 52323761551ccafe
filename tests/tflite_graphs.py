"""Small TFLite networks, built operator by operator."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import ArrayLike, NDArray

TYPES = {"float32": schema.TensorType.FLOAT32, "int32": schema.TensorType.INT32}
Op = schema.BuiltinOperator


class Graph:
    """Tensors are numbers; `apply` adds an operator and returns the number of its output."""

    def __init__(self) -> None:
        self._graph: Any = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._buffers: list[bytes] = [b""]
        self._codes: list[int] = []

    def tensor(self, name: str, shape: Sequence[int], dtype: str = "float32", content: bytes = b"") -> int:
        tensor: Any = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name.encode(), list(shape), TYPES[dtype]
        if content:
            self._buffers.append(content)
        tensor.buffer = len(self._buffers) - 1 if content else 0
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def constant(self, values: ArrayLike, dtype: str = "float32") -> int:
        array: NDArray[Any] = np.asarray(values, dtype)
        return self.tensor("constant", array.shape, dtype, array.tobytes())

    def apply(
        self,
        code: int,
        inputs: Sequence[int],
        shape: Sequence[int],
        *,
        name: str = "between",
        dtype: str = "float32",
        options: tuple[int, Any] | None = None,
    ) -> int:
        output = self.tensor(name, shape, dtype)
        operator: Any = schema.OperatorT()
        self._codes.append(code)
        operator.opcodeIndex, operator.inputs, operator.outputs = len(self._codes) - 1, list(inputs), [output]
        if options:
            operator.builtinOptionsType, operator.builtinOptions = options
        self._graph.operators.append(operator)
        return output

    def reshape(self, tensor: int, shape: Sequence[int], *, name: str = "between") -> int:
        return self.apply(Op.RESHAPE, [tensor, self.constant(list(shape), "int32")], shape, name=name)

    def transpose(self, tensor: int, order: Sequence[int], shape: Sequence[int], *, name: str = "between") -> int:
        return self.apply(Op.TRANSPOSE, [tensor, self.constant(list(order), "int32")], shape, name=name)

    def slice(self, tensor: int, begin: Sequence[int], size: Sequence[int]) -> int:
        starts, sizes = self.constant(list(begin), "int32"), self.constant(list(size), "int32")
        return self.apply(Op.SLICE, [tensor, starts, sizes], size)

    def concatenate(self, tensors: Sequence[int], shape: Sequence[int], *, name: str = "between") -> int:
        """Along the last axis."""
        options: Any = schema.ConcatenationOptionsT()
        options.axis = len(shape) - 1
        kind = schema.BuiltinOptions.ConcatenationOptions
        return self.apply(Op.CONCATENATION, tensors, shape, name=name, options=(kind, options))

    def whole(self, tensor: int, shape: Sequence[int], *, name: str) -> int:
        """The tensor as integers."""
        options: Any = schema.CastOptionsT()
        options.inDataType, options.outDataType = TYPES["float32"], TYPES["int32"]
        kind = schema.BuiltinOptions.CastOptions
        return self.apply(Op.CAST, [tensor], shape, name=name, dtype="int32", options=(kind, options))

    def write(self, path: Path, *, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        model: Any = schema.ModelT()
        model.version, model.description, model.subgraphs, model.buffers = 3, b"test", [self._graph], []
        for content in self._buffers:
            buffer: Any = schema.BufferT()
            buffer.data = np.frombuffer(content, np.uint8) if content else None
            model.buffers.append(buffer)
        model.operatorCodes = []
        for code in self._codes:
            opcode: Any = schema.OperatorCodeT()
            opcode.builtinCode, opcode.deprecatedBuiltinCode = code, min(code, 127)
            model.operatorCodes.append(opcode)
        self._graph.inputs, self._graph.outputs = list(inputs), list(outputs)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))


def square_detector(path: Path) -> Path:
    """Write a detector that sees a plate (class 1 of a raw YOLO) in each upper quarter of a picture that is green.

    It looks at 4 × 2 pixels; the score is the green of an upper one, 0..1. Its spec and label map are beside it.
    """
    graph = Graph()
    image = graph.tensor("image", [1, 2, 4, 3])
    upper = graph.reshape(graph.slice(image, [0, 0, 0, 0], [1, 1, 4, 3]), [1, 4, 3])
    boxes = graph.constant([[[0.25 * i + 0.125, 0.25, 0.25, 0.5] for i in range(4)]])
    scores = graph.slice(upper, [0, 0, 0], [1, 4, 2])
    rows = graph.concatenate([boxes, scores], [1, 4, 6], name="rows")
    graph.write(path, inputs=[image], outputs=[rows])
    path.with_suffix(".yaml").write_text("output: yolo_raw\nmean: 0\nstd: 255\nplates: [plate]\nthreshold: 0.5\n")
    path.with_name("labelmap.txt").write_text("car\nplate\n")
    return path


def row_reader(path: Path, *, alphabet: str = "AB", steps: int = 8) -> Path:
    """Write a CTC reader: the brightest of each column's rows is its character, the lowest row the blank."""
    classes = len(alphabet) + 1
    graph = Graph()
    image = graph.tensor("image", [1, classes, steps, 1])
    flat = graph.reshape(image, [1, classes, steps])
    graph.write(path, inputs=[image], outputs=[graph.transpose(flat, [0, 2, 1], [1, steps, classes], name="logits")])
    path.with_suffix(".yaml").write_text(f"output: ctc\nalphabet: {alphabet}\nmean: 128\nstd: 58\nleast_std: 4\n")
    return path


def row_picture(text: str, *, alphabet: str = "AB", steps: int = 8, cell_px: int = 10) -> NDArray[np.uint8]:
    """The crop that `row_reader` reads as `text`."""
    cells = np.zeros((len(alphabet) + 1, steps), np.uint8)
    shown = [place for character in text for place in (alphabet.index(character), len(alphabet))]
    for column in range(steps):
        cells[shown[column] if column < len(shown) else len(alphabet), column] = 255
    large = np.repeat(np.repeat(cells, cell_px, axis=0), cell_px, axis=1)
    return np.repeat(large[:, :, np.newaxis], 3, axis=2)
