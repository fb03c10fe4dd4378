import Refrain

/// What an operation of a trace is done to, in a graph.
struct ONNXOperands {
  let values: [ONNXGraphValue]
  /// Their shapes, in which −1 is a size that follows the batch.
  let shapes: [[Int]]
  /// How many axes the results have.
  let rank: Int
  /// The size of the batch, int64 `[1]`.
  let batch: ONNXGraphValue

  subscript(index: Int) -> ONNXGraphValue { values[index] }
}

/// Adds what an operation does to a graph.
typealias ONNXOperationExport = (ONNXOperands, inout ONNXGraphBuilder) -> [ONNXGraphValue]

extension Operation {
  /// How the operation is written to a graph; nil for one that is refused by its name. Operations with a formula do not
  /// come here: a trace has what the formula is made of.
  var onnxExport: ONNXOperationExport? {
    func operation(_ name: String, _ attributes: [String: ONNXGraphBuilder.Attribute] = [:]) -> ONNXOperationExport {
      { [$1.add(name, $0.values, rank: $0.rank, attributes)] }
    }
    switch self {
    case let operation as Operations.Unary: return operation.export
    case let operation as Operations.Binary: return operation.export
    case is Operations.Fraction: return { x, graph in [graph.difference(x[0], graph.add("Floor", [x[0]]))] }
    case let clamp as Operations.Clamp:
      return { x, graph in
        [graph.add("Clip", [x[0], graph.scalar(clamp.range.lowerBound), graph.scalar(clamp.range.upperBound)])]
      }
    case is Operations.Select:
      return { x, graph in
        let condition = graph.condition(x[0])
        return [graph.add("Where", [condition] + x.values.dropFirst(), rank: x.rank, type: x[1].type)]
      }
    case is Operations.Softmax: return operation("Softmax", ["axis": .integer(-1)])
    case is Operations.LogSoftmax: return operation("LogSoftmax", ["axis": .integer(-1)])
    case let sum as Operations.Sum:
      return { x, graph in [graph.add("ReduceSum", [x[0], graph.integers(sum.axes)], ["keepdims": .integer(1)])] }
    case is Operations.SumOfAll:
      return { x, graph in [graph.add("ReduceSum", [x[0]], rank: 0, ["keepdims": .integer(0)])] }
    case let extremum as Operations.RowExtremum: return extremum.export
    case let sum as Operations.CumulativeSum:
      return { x, graph in
        let axis = graph.squeezed(graph.integers([-1]), axis: 0)
        let attributes = ["exclusive": sum.isExclusive, "reverse": sum.isReversed].mapValues {
          ONNXGraphBuilder.Attribute.integer($0 ? 1 : 0)
        }
        return [graph.add("CumSum", [x[0], axis], attributes)]
      }
    case let product as Operations.MatrixProduct:
      return { x, graph in
        [
          graph.matrixProduct(
            x[0], x[1], isTurned: product.transposingSelf, isOtherTurned: product.transposingOther)
        ]
      }
    case let linear as Operations.Linear:
      return { x, graph in
        let sums = graph.sum(graph.matrixProduct(x[0], x[1], isOtherTurned: true), x[2])
        guard let function = linear.function else { return [sums] }
        return Operations.Unary(function).export(
          ONNXOperands(values: [sums], shapes: [], rank: x.rank, batch: x.batch), to: &graph)
      }
    case let convolution as Operations.Convolution:
      return { x, graph in
        let weight = graph.channelsFirst(x[1])
        return [graph.convolution(x[0], weight, groups: 1, convolution.strides, convolution.padding)]
      }
    case let convolution as Operations.DepthwiseConvolution:
      return { x, graph in
        // [kernel…, C] → [C, 1, kernel…]
        let axes = x[1].rank
        let weight = graph.unsqueezed(graph.transposed(x[1], [axes - 1] + (0..<axes - 1)), axis: 1)
        return [
          graph.convolution(x[0], weight, groups: x.shapes[0][axes], convolution.strides, convolution.padding)
        ]
      }
    case let normalize as Operations.Normalize:
      return operation("LayerNormalization", ["axis": .integer(-1), "epsilon": .float(normalize.epsilon)])
    case let gates as Operations.Gates:
      return { x, graph in
        let size = x.shapes[1][1]
        if gates.kind == .gru { return [graph.gatesOfGRU(x[0], x[1], size: size)] }
        return graph.gatesOfLSTM(x[0], x[1], size: size, hasOutput: gates.kind != .cellUpdate)
      }
    case let reshape as Operations.Reshape: return { x, graph in [graph.reshaped(x[0], reshape.shape)] }
    case let expand as Operations.Expand:
      return { x, graph in [graph.expanded(x[0], to: expand.shape, batch: x.batch)] }
    case let transpose as Operations.Transpose: return { x, graph in [graph.transposed(x[0], transpose.order)] }
    case let slice as Operations.Slice:
      return { x, graph in
        let bounds = [slice.range.lowerBound, slice.range.upperBound, slice.axis].map { graph.integers([$0]) }
        return [graph.add("Slice", [x[0]] + bounds)]
      }
    case let joining as Operations.Concatenate: return operation("Concat", ["axis": .integer(joining.axis)])
    case let rows as Operations.GatherRows:
      return { x, graph in [graph.add("Gather", [x[0], graph.integers(rows.indices)])] }
    case let pick as Operations.Pick:
      return { x, graph in
        let picked = graph.add("Gather", [graph.reshaped(x[0], [-1]), graph.integers(pick.indices)])
        return [graph.reshaped(picked, pick.shape)]
      }
    default: return nil
    }
  }
}

extension Operations.Unary {
  fileprivate func export(_ x: ONNXOperands, to graph: inout ONNXGraphBuilder) -> [ONNXGraphValue] {
    func operation(_ name: String) -> [ONNXGraphValue] { [graph.add(name, x.values, rank: x.rank)] }
    return switch function {
    case .negate: operation("Neg")
    case .exponential: operation("Exp")
    case .logarithm: operation("Log")
    case .squareRoot: operation("Sqrt")
    case .square: [graph.product(x[0], x[0])]
    case .absolute: operation("Abs")
    case .reciprocal: operation("Reciprocal")
    case .tanh: operation("Tanh")
    case .sigmoid: operation("Sigmoid")
    case .relu: operation("Relu")
    case .softplus: operation("Softplus")
    case .gelu: [Activation.gelu.export(x[0], to: &graph)]
    case .geluExact: [Activation.geluExact.export(x[0], to: &graph)]
    case .silu: [Activation.silu.export(x[0], to: &graph)]
    }
  }
}

extension Operations.Binary {
  fileprivate func export(_ x: ONNXOperands, to graph: inout ONNXGraphBuilder) -> [ONNXGraphValue] {
    func operation(_ name: String) -> [ONNXGraphValue] { [graph.add(name, x.values, rank: x.rank)] }
    return switch function {
    case .add: operation("Add")
    case .subtract: operation("Sub")
    case .multiply: operation("Mul")
    case .divide: operation("Div")
    case .maximum: operation("Max")
    case .minimum: operation("Min")
    case .greater: [graph.number(graph.add("Greater", x.values, rank: x.rank, type: .bool))]
    case .equal: [graph.number(graph.add("Equal", x.values, rank: x.rank, type: .bool))]
    }
  }
}

extension Operations.RowExtremum {
  fileprivate func export(_ x: ONNXOperands, to graph: inout ONNXGraphBuilder) -> [ONNXGraphValue] {
    let name = kind == .maximum ? "ReduceMax" : "ReduceMin"
    if graph.options.opset < 18 {
      return [graph.add(name, [x[0]], rank: x.rank, ["axes": .integers([-1]), "keepdims": .integer(1)])]
    }
    return [graph.add(name, [x[0], graph.integers([-1])], rank: x.rank, ["keepdims": .integer(1)])]
  }
}

extension ONNXGraphBuilder {
  /// The value with its axes in another order.
  mutating func transposed(_ value: ONNXGraphValue, _ order: [Int]) -> ONNXGraphValue {
    add("Transpose", [value], ["perm": .integers(order)])
  }

  /// A value repeated to a shape, in which −1 is the batch.
  mutating func expanded(_ value: ONNXGraphValue, to shape: [Int], batch: ONNXGraphValue) -> ONNXGraphValue {
    add("Expand", [value, extents(shape, batch: batch)], rank: shape.count)
  }

  /// A shape as int64 `[rank]`, in which −1 is the batch.
  private mutating func extents(_ shape: [Int], batch: ONNXGraphValue) -> ONNXGraphValue {
    guard shape.contains(-1) else { return integers(shape) }
    var parts: [ONNXGraphValue] = []
    for size in shape { parts.append(size == -1 ? batch : integers([size])) }
    return parts.count == 1 ? batch : add("Concat", parts, ["axis": .integer(0)])
  }

  /// A product of matrices, each as it is or transposed.
  mutating func matrixProduct(
    _ left: ONNXGraphValue, _ right: ONNXGraphValue, isTurned: Bool = false, isOtherTurned: Bool = false
  ) -> ONNXGraphValue {
    if left.rank == 2, right.rank == 2 {
      let turns = ["transA": isTurned, "transB": isOtherTurned].filter(\.value).mapValues { _ in Attribute.integer(1) }
      return add("Gemm", [left, right], turns)
    }
    return matrixProduct(isTurned ? turned(left) : left, isOtherTurned ? turned(right) : right)
  }

  /// The value with its last two axes swapped.
  private mutating func turned(_ value: ONNXGraphValue) -> ONNXGraphValue {
    let rank = value.rank
    return transposed(value, (0..<rank - 2) + [rank - 1, rank - 2])
  }

  /// `[N, size…, C]` → `[N, C, size…]`
  fileprivate mutating func channelsFirst(_ value: ONNXGraphValue) -> ONNXGraphValue {
    transposed(value, [0, value.rank - 1] + (1..<value.rank - 1))
  }

  /// A convolution of x `[N, size…, C]` with weights `[O, C / groups, kernel…]`.
  fileprivate mutating func convolution(
    _ x: ONNXGraphValue, _ weight: ONNXGraphValue, groups: Int, _ strides: [Int]?, _ padding: Padding
  ) -> ONNXGraphValue {
    let mode = padding == .same ? "SAME_UPPER" : "VALID"
    var attributes: [String: Attribute] = ["auto_pad": .text(mode), "group": .integer(groups)]
    attributes["strides"] = strides.map { .integers($0) }
    let result = add("Conv", [channelsFirst(x), weight], attributes)
    return transposed(result, [0] + (2..<x.rank) + [1])
  }

  /// Of the sums `[B, blocks · size]` each block.
  mutating func blocks(_ sums: ONNXGraphValue, _ count: Int, size: Int) -> [ONNXGraphValue] {
    let sizes = integers(Array(repeating: size, count: count))
    return add("Split", [sums, sizes], ranks: Array(repeating: 2, count: count), ["axis": .integer(1)])
  }

  /// h′ and c′ of the sums of i, f and g, and of o where there is one.
  mutating func gatesOfLSTM(
    _ sums: ONNXGraphValue, _ cell: ONNXGraphValue, size: Int, hasOutput: Bool
  ) -> [ONNXGraphValue] {
    let blocks = blocks(sums, hasOutput ? 4 : 3, size: size)
    let (input, forget) = (add("Sigmoid", [blocks[0]]), add("Sigmoid", [blocks[1]]))
    let next = sum(product(forget, cell), product(input, add("Tanh", [blocks[2]])))
    let shown = add("Tanh", [next])
    return [hasOutput ? product(add("Sigmoid", [blocks[3]]), shown) : shown, next]
  }

  /// h′ of the sums of r and z, and of the candidate's two.
  fileprivate mutating func gatesOfGRU(
    _ sums: ONNXGraphValue, _ hidden: ONNXGraphValue, size: Int
  ) -> ONNXGraphValue {
    let blocks = blocks(sums, 4, size: size)
    let (reset, update) = (add("Sigmoid", [blocks[0]]), add("Sigmoid", [blocks[1]]))
    let candidate = add("Tanh", [sum(blocks[2], product(reset, blocks[3]))])
    return sum(candidate, product(update, difference(hidden, candidate)))
  }
}
