import Refrain
import RefrainData

// Products of matrices.

extension ONNXOperators {
  static let matrix: [ONNXOperator] = [
    ONNXOperator("MatMul", inputs: 2...2, run: matrixProduct),
    ONNXOperator(
      "Gemm", inputs: 2...3, ["alpha": .float, "beta": .float, "transA": .integer, "transB": .integer],
      run: generalProduct),
  ]

  /// As NumPy's `matmul`: leading axes are broadcast, and a vector is a row on the left and a column on the right.
  @Sendable private static func matrixProduct(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (left, right) = (try call.tensor(0), try call.tensor(1))
    guard left.rank > 0, right.rank > 0 else { throw call.fault("a factor is a single number") }
    let a = left.rank == 1 ? left.reshaped([1, left.count]) : left
    let b = right.rank == 1 ? right.reshaped([right.count, 1]) : right
    let (rows, depth, columns) = (a.shape[a.rank - 2], a.shape[a.rank - 1], b.shape[b.rank - 1])
    guard depth == b.shape[b.rank - 2] else {
      throw call.fault("its inputs of shapes \(left.shape) and \(right.shape) do not fit a product")
    }
    let batch = try call.broadcast(Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2)), of: .float32)
    let full = batch + [rows, columns]
    try call.checkSize(full, of: .float32)
    try call.checkSize(batch + [rows, depth], of: .float32)
    try call.checkSize(batch + [depth, columns], of: .float32)
    var product: Tensor
    if full.contains(0) || depth == 0 {
      product = .zeros(full)
    } else if b.rank == 2 {
      product = a.matrixProduct(b)
    } else {
      product = a.expanded(to: batch + [rows, depth]).matrixProduct(b.expanded(to: batch + [depth, columns]))
    }
    if left.rank == 1 || right.rank == 1 {
      product = product.reshaped(batch + (left.rank == 1 ? [] : [rows]) + (right.rank == 1 ? [] : [columns]))
    }
    return [call.like(0, product)]
  }

  @Sendable private static func generalProduct(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (a, b) = (try call.tensor(0), try call.tensor(1))
    let (isTurnedA, isTurnedB) = (call.node.integer("transA") ?? 0 != 0, call.node.integer("transB") ?? 0 != 0)
    guard a.rank == 2, b.rank == 2, a.shape[isTurnedA ? 0 : 1] == b.shape[isTurnedB ? 1 : 0] else {
      throw call.fault("its inputs of shapes \(a.shape) and \(b.shape) do not fit a product")
    }
    let shape = [a.shape[isTurnedA ? 1 : 0], b.shape[isTurnedB ? 0 : 1]]
    let isEmpty = try call.checkSize(shape, of: .float32) == 0 || a.count == 0
    var result = isEmpty ? .zeros(shape) : a.matrixProduct(b, transposingSelf: isTurnedA, transposingOther: isTurnedB)
    let (alpha, beta) = (call.node.float("alpha") ?? 1, call.node.float("beta") ?? 1)
    if alpha != 1 { result = result * alpha }
    if let c = try call.optionalTensor(2) {
      guard try call.broadcast(shape, c.shape, of: .float32) == shape else {
        throw call.fault("its third input of shape \(c.shape) does not fit a product of shape \(shape)")
      }
      result = result + (beta == 1 ? c : c * beta)
    }
    return [call.like(0, result)]
  }
}
