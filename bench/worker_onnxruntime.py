"""worker_onnxruntime.py - ONNX Runtime: a model of one node, input and output bound to the shared buffers.

ONNX's pools are channels first and have no gradients here; for training there is the output of indices.
"""
import numpy as np
import onnxruntime
from onnx import TensorProto, helper

import worker

OPSET, IR_VERSION = 18, 9


class OnnxRuntime:
    def __init__(self, threads):
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.inter_op_num_threads = 1
        self.options.log_severity_level = 3

    def version(self):
        return "ONNX Runtime " + onnxruntime.__version__

    def bind(self, node, shapes, arrays):
        """The function that runs the node: arrays by name, x the input."""
        types = {np.float32: TensorProto.FLOAT, np.int64: TensorProto.INT64}
        values = {name: helper.make_tensor_value_info(name, types[array.dtype.type], shapes[name])
                  for name, array in arrays.items()}
        graph = helper.make_graph([node], "pool", [values["x"]], [values[name] for name in node.output])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), self.options,
                                                    providers=["CPUExecutionProvider"])
        self.arrays = arrays
        self.binding = self.session.io_binding()
        for name, array in arrays.items():
            bind = self.binding.bind_input if name == "x" else self.binding.bind_output
            bind(name, "cpu", 0, array.dtype.type, shapes[name], array.ctypes.data)
        # What run_with_iobinding() of both classes comes down to.
        run, binding = self.session._sess.run_with_iobinding, self.binding._iobinding
        return lambda: run(binding, None)

    def prepare(self, layer, kind, buffers):
        if layer.last:
            raise worker.Unable("is channels first")
        if kind == worker.BACKWARD:
            raise worker.Unable("has no gradients")
        arrays = {"x": buffers.x, "y": buffers.y}
        if kind == worker.TRAIN:
            arrays["indices"] = np.empty(buffers.y.shape, np.int64)
        shapes = {name: list(array.shape) for name, array in arrays.items()}
        outputs = [name for name in arrays if name != "x"]
        if layer.is_global:
            node = helper.make_node("GlobalAveragePool" if layer.average else "GlobalMaxPool", ["x"], ["y"])
            if kind == worker.TRAIN:
                raise worker.Unable("has no global maximum with indices")
            return self.bind(node, shapes, arrays)
        windows = dict(kernel_shape=layer.kernel, strides=layer.stride, pads=layer.pad + layer.pad_end)
        if layer.average:
            node = helper.make_node("AveragePool", ["x"], outputs, count_include_pad=int(layer.count_pad), **windows)
        else:
            node = helper.make_node("MaxPool", ["x"], outputs, dilations=layer.dilation, **windows)
        return self.bind(node, shapes, arrays)

    def empty(self):
        x, y = np.zeros((1, 1, 1, 1), np.float32), np.zeros((1, 1, 1, 1), np.float32)
        node = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[1, 1])
        return self.bind(node, {"x": [1, 1, 1, 1], "y": [1, 1, 1, 1]}, {"x": x, "y": y})

    def result(self, buffers):
        return buffers.y


worker.work(OnnxRuntime)
