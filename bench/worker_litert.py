"""worker_litert.py - LiteRT, formerly TensorFlow Lite, with its XNNPACK delegate: a model of one node.

Its pools are two-dimensional, channels last, pad as "same" or not at all and have no gradients. Tensors lie in memory of its
own: the input is copied there before the measuring and the result is copied for the comparison.
"""
import importlib.metadata

import flatbuffers
import numpy as np
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as schema

import worker

PAD_SAME, PAD_VALID = schema.Padding.SAME, schema.Padding.VALID


def padding_of(layer):
    """The word for the layer's padding."""
    for size, out, kernel, stride, begin in zip(layer.size, layer.out, layer.kernel, layer.stride, layer.pad):
        if out != (size - kernel) // stride + 1 or begin:
            break
    else:
        return PAD_VALID
    for size, out, kernel, stride, begin in zip(layer.size, layer.out, layer.kernel, layer.stride, layer.pad):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        if out != -(-size // stride) or begin != total // 2:
            raise worker.Unable("has no such padding")
    if layer.average and layer.count_pad:
        raise worker.Unable("does not count padding")
    return PAD_SAME


def tensor(name, shape, kind=schema.TensorType.FLOAT32, buffer=0):
    return schema.TensorT(shape=list(shape), type=kind, name=name, buffer=buffer)


def model_of(operator, options_type, options, tensors, inputs, constants=()):
    """The bytes of a model of one operator, its last tensor is the output; constants are the contents of buffers 1, 2..."""
    node = schema.OperatorT(opcodeIndex=0, inputs=inputs, outputs=[len(tensors) - 1], builtinOptionsType=options_type,
                            builtinOptions=options)
    graph = schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[len(tensors) - 1], operators=[node], name="pool")
    buffers = [schema.BufferT()] + [schema.BufferT(data=list(data)) for data in constants]
    code = schema.OperatorCodeT(deprecatedBuiltinCode=operator, builtinCode=operator, version=1)
    model = schema.ModelT(version=3, operatorCodes=[code], subgraphs=[graph], buffers=buffers)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def pool_model(average, size, out, kernel, stride, padding):
    options = schema.Pool2DOptionsT(padding=padding, strideH=stride[0], strideW=stride[1], filterHeight=kernel[0],
                                    filterWidth=kernel[1])
    operator = schema.BuiltinOperator.AVERAGE_POOL_2D if average else schema.BuiltinOperator.MAX_POOL_2D
    return model_of(operator, schema.BuiltinOptions.Pool2DOptions, options, [tensor("x", size), tensor("y", out)], [0])


def mean_model(size, out):
    """The mean over the rows and columns, which is how a global average arrives from Keras."""
    axes = np.array([1, 2], np.int32).tobytes()
    tensors = [tensor("x", size), tensor("axes", [2], schema.TensorType.INT32, 1), tensor("y", out)]
    return model_of(schema.BuiltinOperator.MEAN, schema.BuiltinOptions.ReducerOptions,
                    schema.ReducerOptionsT(keepDims=True), tensors, [0, 1], [axes])


class LiteRt:
    def __init__(self, threads):
        self.threads = threads

    def version(self):
        return "LiteRT %s (XNNPACK)" % importlib.metadata.version("ai-edge-litert")

    def open(self, model, x):
        self.model = model
        self.interpreter = litert.Interpreter(model_content=model, num_threads=self.threads)
        self.interpreter.allocate_tensors()
        self.interpreter.set_tensor(self.interpreter.get_input_details()[0]["index"], x)
        self.output = self.interpreter.get_output_details()[0]["index"]
        return self.interpreter._interpreter.Invoke    # invoke() but for a test of references

    def prepare(self, layer, kind, buffers):
        if not layer.last:
            raise worker.Unable("is channels last")
        if kind == worker.BACKWARD:
            raise worker.Unable("has no gradients")
        if kind == worker.TRAIN:
            raise worker.Unable("has no indices")
        if layer.rank == 3 or set(layer.dilation) != {1}:
            raise worker.Unable("pools two axes, without dilation")
        rows = [1] * (2 - layer.rank)             # a one-dimensional layer is a picture of one row
        size, out = ([layer.batch, *rows, *plane, layer.channels] for plane in (layer.size, layer.out))
        if layer.average and layer.is_global:
            model = mean_model(size, out)
        else:
            model = pool_model(layer.average, size, out, rows + layer.kernel, rows + layer.stride, padding_of(layer))
        return self.open(model, buffers.x.reshape(size))

    def empty(self):
        one = [1, 1, 1, 1]
        return self.open(pool_model(False, one, one, [1, 1], [1, 1], PAD_VALID), np.zeros(one, np.float32))

    def result(self, buffers):
        return self.interpreter.get_tensor(self.output).reshape(buffers.y.shape)


worker.work(LiteRt)
