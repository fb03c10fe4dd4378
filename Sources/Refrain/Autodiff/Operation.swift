import RefrainKernels

/// An operation on tensors, as a ``Trace`` tells it: all that it takes to do it again, here or in another system.
package enum Operation: Equatable, Sendable {
  case unary(UnaryOperation)
  /// Of two tensors, broadcast.
  case binary(BinaryOperation)
  case fraction
  case clamp(ClosedRange<Float>)
  /// Of a condition, what stands where it is not 0, and what stands elsewhere; all broadcast.
  case select
  case softmax
  case logSoftmax
  /// Sums that keep their axes, with size 1.
  case sum(axes: [Int])
  /// The sum of all values, a scalar.
  case sumOfAll
  case cumulativeSum(isExclusive: Bool, isReversed: Bool)
  case matrixProduct(transposingSelf: Bool, transposingOther: Bool)
  /// Of x, weights `[O, I]` and a bias `[O]`: x · weightᵀ + bias, and a function of that.
  case linear(UnaryOperation?)
  /// Of x `[N, size…, C]` and weights `[O, kernel…, C]`; strides of nil are 1.
  case convolution(strides: [Int]?, Padding)
  /// Of x `[N, size…, C]` and weights `[kernel…, C]`.
  case depthwiseConvolution(strides: [Int]?, Padding)
  /// Of x, a gain and a shift.
  case normalize(epsilon: Float)
  /// Of the sums of a step and, as far as the cell has them, the hidden state and the cell state before it; results in
  /// the states after it, of which a cell with a cell state has both.
  case gates(RecurrentKind)
  /// One size may be −1, and follows from the others.
  case reshape([Int])
  /// A size of −1 is that of the batch.
  case expand([Int])
  case transpose([Int])
  case slice(Range<Int>, axis: Int)
  case concatenate(axis: Int)
  case gatherRows([Int])
  case pick([Int], shape: [Int])

  /// The operation for a batch of any size, if this one and `other` are the same for batches of two; nil otherwise.
  func generalized(with other: Operation) -> Operation? {
    if self == other { return self }
    func merged(_ sizes: [Int], _ others: [Int]) -> [Int]? {
      let differing = zip(sizes, others).count { $0 != $1 }
      guard sizes.count == others.count, differing == 1, !sizes.contains(-1) else { return nil }
      return zip(sizes, others).map { $0 == $1 ? $0 : -1 }
    }
    switch (self, other) {
    case (.reshape(let sizes), .reshape(let others)): return merged(sizes, others).map { .reshape($0) }
    case (.expand(let sizes), .expand(let others)): return merged(sizes, others).map { .expand($0) }
    default: return nil
    }
  }
}

extension Operation {
  /// Does it again, for so many rows.
  package func callAsFunction(_ operands: [Tensor], batch: Int) -> [Tensor] {
    func unary(_ operation: UnaryOperation?, _ x: Tensor) -> Tensor { operation.map { x.apply($0) } ?? x }
    let x = operands[0]
    return switch self {
    case .unary(let operation): [x.apply(operation)]
    case .binary(.maximum): [maximum(x, operands[1])]
    case .binary(.minimum): [minimum(x, operands[1])]
    case .binary(.add): [x + operands[1]]
    case .binary(.subtract): [x - operands[1]]
    case .binary(.multiply): [x * operands[1]]
    case .binary(.divide): [x / operands[1]]
    case .binary(let comparison): [Tensor.combine(comparison, x, operands[1])]
    case .fraction: [x.fraction]
    case .clamp(let range): [x.clamped(range)]
    case .select: [Refrain.select(x, operands[1], operands[2])]
    case .softmax: [x.softmax()]
    case .logSoftmax: [x.logSoftmax()]
    case .sum(let axes): [x.sum(axes: axes, keepingAxes: true)]
    case .sumOfAll: [x.sum()]
    case .cumulativeSum(let isExclusive, let isReversed):
      [x.cumulativeSum(isExclusive: isExclusive, isReversed: isReversed)]
    case .matrixProduct(let transposingSelf, let transposingOther):
      [x.matrixProduct(operands[1], transposingSelf: transposingSelf, transposingOther: transposingOther)]
    case .linear(let function): [unary(function, x.linear(weight: operands[1], bias: operands[2]))]
    case .convolution(let strides, let padding):
      [x.convolution(weight: operands[1], strides: strides, padding: padding)]
    case .depthwiseConvolution(let strides, let padding):
      [x.depthwiseConvolution(weight: operands[1], strides: strides, padding: padding)]
    case .normalize(let epsilon): [x.normalized(gain: operands[1], shift: operands[2], epsilon: epsilon)]
    case .gates(let kind): gateFunction(kind, sums: x, states: Array(operands.dropFirst()))
    case .reshape(let shape): [x.reshaped(shape)]
    case .expand(let shape): [x.expanded(to: shape.map { $0 == -1 ? batch : $0 })]
    case .transpose(let order): [x.transposed(order)]
    case .slice(let range, let axis): [axis == 0 ? x.weightRows(range) : x.slice(range, axis: axis)]
    case .concatenate(let axis): [Refrain.concatenate(operands, axis: axis)]
    case .gatherRows(let rows): [x.gatheringRows(rows)]
    case .pick(let indices, let shape): [x.picking(indices, shape: shape)]
    }
  }
}
