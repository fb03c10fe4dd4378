import Refrain
import RefrainData

/// One run of a node: its inputs, taken with checks. Whatever does not fit is a `wrongInput` that names the node, as
/// the tensors' own operations would stop the program.
struct ONNXCall {
  let node: ONNXNode
  let inputs: [ONNXValue?]
  /// What the run may still take.
  let limits: ONNXLimits
  /// The values of the graph that the node is of, for one that runs a graph of its own.
  var outside: [ONNXValue?] = []

  /// The most elements a result may have.
  var largestValue: Int { limits.largestValue }

  init(node: ONNXNode, inputs: [ONNXValue?], limits: ONNXLimits, outside: [ONNXValue?] = []) {
    (self.node, self.inputs, self.limits, self.outside) = (node, inputs, limits, outside)
  }

  /// A call outside of a run.
  init(node: ONNXNode, inputs: [ONNXValue?], largestValue: Int) {
    self.init(node: node, inputs: inputs, limits: ONNXLimits(largestValue: largestValue))
  }

  /// Input number `index`, or nil where it is left out.
  func optional(_ index: Int) -> ONNXValue? { index < inputs.count ? inputs[index] : nil }

  /// Input number `index`, which must be there.
  func input(_ index: Int) throws(DataError) -> ONNXValue {
    guard let value = optional(index) else { throw fault("its input \(index) is missing") }
    return value
  }

  /// Input number `index` as floats.
  func tensor(_ index: Int) throws(DataError) -> Tensor {
    let value = try input(index)
    guard let tensor = value.tensor else { throw wrongType(index, value, "floats") }
    return tensor
  }

  /// The same where it may be left out.
  func optionalTensor(_ index: Int) throws(DataError) -> Tensor? { optional(index) == nil ? nil : try tensor(index) }

  /// Input number `index` as whole numbers.
  func integers(_ index: Int) throws(DataError) -> [Int] {
    let value = try input(index)
    guard let integers = value.integers else { throw wrongType(index, value, "whole numbers") }
    return integers
  }

  /// The same where it may be left out.
  func optionalIntegers(_ index: Int) throws(DataError) -> [Int]? { optional(index) == nil ? nil : try integers(index) }

  /// Input number `index` as truth values.
  func booleans(_ index: Int) throws(DataError) -> [Bool] {
    let value = try input(index)
    guard let booleans = value.booleans else { throw wrongType(index, value, "truth values") }
    return booleans
  }

  /// The single number of input `index`, of whatever type and shape.
  func number(_ index: Int) throws(DataError) -> Float {
    let value = try input(index)
    guard value.count == 1 else { throw fault("its input \(index) has shape \(value.shape), and must be one number") }
    return value.asTensor.item
  }

  /// All inputs, each of which must be there.
  func allInputs() throws(DataError) -> [ONNXValue] {
    var values: [ONNXValue] = []
    for index in inputs.indices { values.append(try input(index)) }
    return values
  }

  /// A value like input 0: floats of its type.
  func like(_ index: Int, _ tensor: Tensor) -> ONNXValue {
    ONNXValue(tensor, type: optional(index)?.type ?? .float32)
  }

  /// What is wrong, said of this node.
  func fault(_ problem: String) -> DataError { DataError(.wrongInput, "\(node.title): \(problem)") }

  private func wrongType(_ index: Int, _ value: ONNXValue, _ wanted: String) -> DataError {
    fault("its input \(index) is of type \(value.type.onnxName), and must be \(wanted)")
  }
}

// MARK: - Shapes

extension ONNXCall {
  /// What a place takes in a list of them, by which values that are no floats are picked.
  static let placeSize = MemoryLayout<Int>.size

  /// The number of elements of a shape to be made. One without elements must not have more places in its other axes
  /// either, as they are gone through.
  ///
  /// - Parameters:
  ///   - type: the type of the elements; whole numbers take twice the memory of floats.
  ///   - others: the bytes that something else, made on the way, takes for each element.
  @discardableResult func checkSize(
    _ shape: [Int], of type: ElementType, beside others: Int = 0
  ) throws(DataError) -> Int {
    let size = type.sizeInMemory + others
    guard let count = boundedCount(of: shape), let extent = extentProduct(of: shape), extent <= largestValue else {
      throw fault("a value of shape \(shape) would have more than \(largestValue) elements")
    }
    guard extent <= limits.budget.left / size else {
      let amount = memoryText(extent.multipliedReportingOverflow(by: size).overflow ? .max : extent * size)
      throw DataError(
        .overMemoryBudget,
        "\(node.title): a value of shape \(shape) would take \(amount), more than is left of the memory "
          + "budget of \(memoryText(limits.budget.limit))", remedy: "raise the memory budget if the file can be trusted"
      )
    }
    return count
  }

  /// The same for what a kernel of `taps` values sees at each of `places` in each plane of a value.
  func checkPatches(_ planes: [Int], _ places: Int, _ taps: Int, of type: ElementType) throws(DataError) {
    // Where each stands in a plane, if anywhere, and in the whole value.
    try checkSize([places, taps], of: .int64, beside: MemoryLayout<Int?>.stride - MemoryLayout<Int>.size)
    try checkSize(planes + [places, taps], of: type, beside: Self.placeSize)
  }

  /// The shape of several values of a type, broadcast as NumPy does it.
  func broadcast(_ shapes: [Int]..., of type: ElementType) throws(DataError) -> [Int] {
    try broadcast(shapes, of: type)
  }

  func broadcast(_ shapes: [[Int]], of type: ElementType) throws(DataError) -> [Int] {
    var result: [Int] = []
    for shape in shapes {
      let rank = max(result.count, shape.count)
      let left = Array(repeating: 1, count: rank - result.count) + result
      let right = Array(repeating: 1, count: rank - shape.count) + shape
      for (a, b) in zip(left, right) where a != b && a != 1 && b != 1 {
        throw fault("its inputs of shapes \(shapes.map(\.description).joined(separator: " and ")) do not fit together")
      }
      result = zip(left, right).map { $0 == 1 ? $1 : $0 }
    }
    try checkSize(result, of: type, beside: type.isFloat ? 0 : Self.placeSize)
    return result
  }

  /// A valid axis from one that may count from the end.
  func axis(_ axis: Int, rank: Int) throws(DataError) -> Int {
    guard axis >= -rank, axis < rank else { throw fault("the axis \(axis) is outside a value of rank \(rank)") }
    return axis < 0 ? axis + rank : axis
  }

  /// Valid axes, none of them twice, in rising order.
  func axes(_ axes: [Int], rank: Int) throws(DataError) -> [Int] {
    var result: Set<Int> = []
    for value in axes {
      guard result.insert(try axis(value, rank: rank)).inserted else {
        throw fault("the axis \(value) is named twice in \(axes)")
      }
    }
    return result.sorted()
  }

  /// Makes sure that input `index` has the given shape, of which -1 is any extent.
  func checkShape(_ index: Int, _ expected: [Int], _ meaning: String) throws(DataError) {
    let shape = try input(index).shape
    guard shape.count == expected.count, zip(shape, expected).allSatisfy({ $0 == $1 || $1 == -1 }) else {
      throw fault("\(meaning) has shape \(shape), expected \(expected)")
    }
  }
}

/// The number of elements of a shape; nil when it is negative or enormous anywhere, be the whole empty.
func boundedCount(of shape: [Int]) -> Int? {
  guard shape.count <= ONNXOperators.mostAxes, let extent = extentProduct(of: shape), extent < 1 << 48 else {
    return nil
  }
  return elementCount(of: shape)
}

/// The product of a shape's extents, of which 0 counts as 1: how far a loop over some of its axes can go. Nil when an
/// extent is negative or the product no Int.
func extentProduct(of shape: [Int]) -> Int? {
  shape.allSatisfy { $0 >= 0 } ? elementCount(of: shape.map { max($0, 1) }) : nil
}

/// Whether a shape that comes from outside can be gone through: one of elements has them all, and one without may have
/// no more places than ONNX's values have by default.
func isBounded(_ shape: [Int]) -> Bool {
  guard let count = boundedCount(of: shape) else { return false }
  return count > 0 || extentProduct(of: shape) ?? .max <= 1 << 28
}

/// How far apart values lie along each axis of a row-major shape.
func strides(of shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
  return strides
}

/// Calls `body` with every index of a shape in row-major order.
func forEachIndex(of shape: [Int], _ body: (_ index: [Int]) -> Void) {
  var index = [Int](repeating: 0, count: shape.count)
  for _ in 0..<shape.reduce(1, *) {
    body(index)
    for axis in shape.indices.reversed() {
      index[axis] += 1
      if index[axis] < shape[axis] { break }
      index[axis] = 0
    }
  }
}

/// Where each value of a result of `shape` stands, when it lies `strides` apart along the axes and begins at `start`.
func places(of shape: [Int], strides: [Int], start: Int = 0) -> [Int] {
  var places: [Int] = []
  places.reserveCapacity(shape.reduce(1, *))
  forEachIndex(of: shape) { index in
    places.append(zip(index, strides).reduce(start) { $0 + $1.0 * $1.1 })
  }
  return places
}
