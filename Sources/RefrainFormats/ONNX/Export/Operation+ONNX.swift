import Refrain

extension Operation {
  /// Adds what the operation does to a graph.
  ///
  /// - Parameters:
  ///   - operands: what it is done to.
  ///   - shapes: their shapes, in which −1 is a size that follows the batch.
  ///   - rank: how many axes its results have.
  ///   - batch: the size of the batch, int64 `[1]`.
  func export(
    _ operands: [ONNXGraphValue], shapes: [[Int]], rank: Int, batch: ONNXGraphValue, to graph: inout ONNXGraphBuilder
  ) -> [ONNXGraphValue] {
    let x = operands[0]
    func operation(_ name: String, _ attributes: [String: ONNXGraphBuilder.Attribute] = [:]) -> [ONNXGraphValue] {
      [graph.add(name, operands, rank: rank, attributes)]
    }
    switch self {
    case .unary(.negate): return operation("Neg")
    case .unary(.exponential): return operation("Exp")
    case .unary(.logarithm): return operation("Log")
    case .unary(.squareRoot): return operation("Sqrt")
    case .unary(.square): return [graph.product(x, x)]
    case .unary(.absolute): return operation("Abs")
    case .unary(.reciprocal): return operation("Reciprocal")
    case .unary(.tanh): return operation("Tanh")
    case .unary(.sigmoid): return operation("Sigmoid")
    case .unary(.relu): return operation("Relu")
    case .unary(.softplus): return operation("Softplus")
    case .unary(.gelu): return [Activation.gelu.export(x, to: &graph)]
    case .unary(.geluExact): return [Activation.geluExact.export(x, to: &graph)]
    case .unary(.silu): return [Activation.silu.export(x, to: &graph)]
    case .binary(.add): return operation("Add")
    case .binary(.subtract): return operation("Sub")
    case .binary(.multiply): return operation("Mul")
    case .binary(.divide): return operation("Div")
    case .binary(.maximum): return operation("Max")
    case .binary(.minimum): return operation("Min")
    case .binary(.greater): return [graph.number(graph.add("Greater", operands, rank: rank, type: .bool))]
    case .binary(.equal): return [graph.number(graph.add("Equal", operands, rank: rank, type: .bool))]
    case .fraction: return [graph.difference(x, graph.add("Floor", [x]))]
    case .clamp(let range):
      return [graph.add("Clip", [x, graph.scalar(range.lowerBound), graph.scalar(range.upperBound)])]
    case .select:
      let condition = graph.condition(x)
      return [graph.add("Where", [condition] + operands.dropFirst(), rank: rank, type: operands[1].type)]
    case .softmax: return operation("Softmax", ["axis": .integer(-1)])
    case .logSoftmax: return operation("LogSoftmax", ["axis": .integer(-1)])
    case .sum(let axes): return [graph.add("ReduceSum", [x, graph.integers(axes)], ["keepdims": .integer(1)])]
    case .sumOfAll: return [graph.add("ReduceSum", [x], rank: 0, ["keepdims": .integer(0)])]
    case .cumulativeSum(let isExclusive, let isReversed):
      let axis = graph.squeezed(graph.integers([-1]), axis: 0)
      return [
        graph.add(
          "CumSum", [x, axis], ["exclusive": .integer(isExclusive ? 1 : 0), "reverse": .integer(isReversed ? 1 : 0)])
      ]
    case .matrixProduct(let isTurned, let isOtherTurned):
      return [graph.matrixProduct(x, operands[1], isTurned: isTurned, isOtherTurned: isOtherTurned)]
    case .linear(let function):
      let sums = graph.sum(graph.matrixProduct(x, operands[1], isOtherTurned: true), operands[2])
      return function.map { Operation.unary($0).export([sums], shapes: [], rank: rank, batch: batch, to: &graph) }
        ?? [sums]
    case .convolution(let strides, let padding):
      let weight = graph.channelsFirst(operands[1])
      return [graph.convolution(x, weight, groups: 1, strides, padding)]
    case .depthwiseConvolution(let strides, let padding):
      // [kernel…, C] → [C, 1, kernel…]
      let axes = operands[1].rank
      let weight = graph.unsqueezed(graph.transposed(operands[1], [axes - 1] + (0..<axes - 1)), axis: 1)
      return [graph.convolution(x, weight, groups: shapes[0][axes], strides, padding)]
    case .normalize(let epsilon):
      return operation("LayerNormalization", ["axis": .integer(-1), "epsilon": .float(epsilon)])
    case .gates(.gru): return [graph.gatesOfGRU(x, operands[1], size: shapes[1][1])]
    case .gates(let kind):
      return graph.gatesOfLSTM(x, operands[1], size: shapes[1][1], hasOutput: kind != .cellUpdate)
    case .reshape(let shape): return [graph.reshaped(x, shape)]
    case .expand(let shape): return [graph.expanded(x, to: shape, batch: batch)]
    case .transpose(let order): return [graph.transposed(x, order)]
    case .slice(let range, let axis):
      let bounds = [range.lowerBound, range.upperBound, axis].map { graph.integers([$0]) }
      return [graph.add("Slice", [x] + bounds)]
    case .concatenate(let axis): return operation("Concat", ["axis": .integer(axis)])
    case .gatherRows(let indices): return [graph.add("Gather", [x, graph.integers(indices)])]
    case .pick(let indices, let shape):
      let picked = graph.add("Gather", [graph.reshaped(x, [-1]), graph.integers(indices)])
      return [graph.reshaped(picked, shape)]
    }
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
