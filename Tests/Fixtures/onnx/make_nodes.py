"""The tests of single nodes that the `onnx` package generates, as far as Refrain has the operators and types.

The expected values are ONNX's own. Of the cases that could run, those are left out that are named in SKIPPED, and those
that are large.
"""

import warnings

warnings.simplefilter("ignore")

import numpy as np
from onnx import TensorProto
from onnx.backend.test.loader import load_model_tests

from cases import case, save

RECURRENT = {"LSTM", "GRU", "RNN"}
OPERATORS = RECURRENT | set("""
Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast CastLike Ceil Celu Clip Concat
Constant ConstantOfShape Conv Cos Cosh CumSum Div Dropout Elu Equal Erf Exp Expand EyeLike Flatten Floor Gather GatherElements
GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid HardSwish Hardmax Identity
InstanceNormalization IsNaN LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul Max MaxPool Mean Min Mish Mod
Mul Neg Not OneHot Or PRelu Pad Pow RMSNormalization Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape ReverseSequence Round ScatterND Selu Shape Sigmoid Sign
Sin Sinh Size Slice Softmax Softplus Softsign Split Sqrt Squeeze Sub Sum Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu
Unsqueeze Where Xor Scan
""".split())
# Those of the file nodes_more: bodies that run by a condition, numbers of few bits, and what goes with them.
MORE = set("""
If Loop ConvTranspose QuantizeLinear DequantizeLinear DynamicQuantizeLinear QLinearMatMul MatMulInteger ConvInteger QLinearConv
NonZero IsInf Compress ScatterElements
""".split())
MORE_TYPES = {TensorProto.INT8, TensorProto.INT16, TensorProto.UINT16, TensorProto.UINT32}
TYPES = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT32, TensorProto.INT64,
         TensorProto.UINT8, TensorProto.BOOL}
# What Refrain does not have, each with the reason.
SKIPPED = {
    "rounded to four digits": ["averagepool_2d_ceil_last_window_starts_on_pad"],
    "whole numbers in a pool": ["maxpool_2d_uint8"],
    "a mask of dropped values, or a random one": ["training_dropout"],
    "the statistics of training": ["batchnorm_epsilon_training", "batchnorm_example_training"],
    "the places of the greatest values": ["maxpool_with_argmax"],
    "scatter with a reduction": ["scatternd_add", "scatternd_multiply", "scatternd_max", "scatternd_min",
                                 "scatter_elements_with_reduction", "scatter_elements_with_duplicate_indices"],
    "scales of blocks": ["blocked"],
    "sequences": ["loop13_seq", "loop16_seq", "if_seq", "if_opt"],
}
LARGEST = 6000
ALWAYS = {"test_erf", "test_slice_neg", "test_slice_end_out_of_bounds", "test_maxpool_2d_strides", "test_averagepool_2d_strides"}


def is_skipped(name):
    return any(part in name for parts in SKIPPED.values() for part in parts)


def type_of(value):
    return value.type.tensor_type.elem_type if value.type.HasField("tensor_type") else None


recurrent, scans, others, more, left_out = [], [], [], [], {}
for test in load_model_tests(kind="node"):
    model = test.model
    if model is None or model.functions:
        continue
    operators = {node.op_type for node in model.graph.node}
    is_more = bool(operators & MORE)
    if not operators <= (OPERATORS | MORE if is_more else OPERATORS):
        continue
    if any(node.domain for node in model.graph.node):
        continue
    if not {type_of(value) for value in list(model.graph.input) + list(model.graph.output)} <= (
            TYPES | MORE_TYPES if is_more else TYPES):
        continue
    if is_skipped(test.name) or max(version.version for version in model.opset_import) < 7:
        continue
    # The Scan of operator set 8 is another operator.
    if max(version.version for version in model.opset_import) < 9 and any(node.op_type == "Scan" for node in model.graph.node):
        continue
    inputs, outputs = test.data_sets[0]
    names = [value.name for value in model.graph.input], [value.name for value in model.graph.output]
    if any(not isinstance(array, np.ndarray) and not np.isscalar(array) for array in list(inputs) + list(outputs)):
        continue
    # Half precision is computed in single precision here, and rounded where it is cast alone.
    types = {type_of(value) for value in list(model.graph.input) + list(model.graph.output)}
    rtol = 1e-2 if TensorProto.BFLOAT16 in types else 1e-3 if TensorProto.FLOAT16 in types else 2e-6
    content = case(test.name, model, dict(zip(names[0], inputs)), dict(zip(names[1], outputs)), rtol, max(1e-6, rtol / 10))
    is_recurrent = any(node.op_type in RECURRENT for node in model.graph.node)
    if len(content) > (90_000 if is_recurrent else LARGEST) and test.name not in ALWAYS:
        left_out[test.name] = len(content)
    else:
        is_scan = any(node.op_type == "Scan" for node in model.graph.node)
        (more if is_more else recurrent if is_recurrent else scans if is_scan else others).append(content)

print("too large:", len(left_out), "cases")
save("nodes_recurrent", recurrent)
save("nodes_scan", scans)
save("nodes", others)
save("nodes_more", more)
