import Refrain
import RefrainData

/// What flows from node to node: floats of any precision as a tensor, through which gradients flow, and whole numbers
/// and truth values as they are.
struct ONNXValue: Sendable {
  enum Content: Sendable {
    case floats(Tensor)
    case integers([Int])
    case booleans([Bool])
  }

  private(set) var type: ElementType
  private(set) var shape: [Int]
  private(set) var content: Content

  var count: Int { shape.reduce(1, *) }
  var rank: Int { shape.count }

  /// Floats; they are computed as 32-bit ones whatever `type` they have.
  init(_ tensor: Tensor, type: ElementType = .float32) {
    (self.type, shape, content) = (type, tensor.shape, .floats(tensor))
  }

  /// Whole numbers, which must fill the shape; what `type` cannot hold wraps around.
  init(_ integers: [Int], shape: [Int], type: ElementType = .int64) {
    (self.type, self.shape) = (type, shape)
    content =
      switch type {
      case .int32: .integers(integers.map { Int(Int32(truncatingIfNeeded: $0)) })
      case .uint8: .integers(integers.map { Int(UInt8(truncatingIfNeeded: $0)) })
      default: .integers(integers)
      }
  }

  /// Truth values, which must fill the shape.
  init(_ booleans: [Bool], shape: [Int]) {
    (type, self.shape, content) = (.bool, shape, .booleans(booleans))
  }

  /// The value from outside; the array's values must be of the kind that its type calls for.
  init(_ array: NumericArray) {
    switch array.values {
    case .floats(let values): self.init(Tensor(values, shape: array.shape), type: array.type)
    case .integers(let values): self.init(values, shape: array.shape, type: array.type)
    case .booleans(let values): self.init(values, shape: array.shape)
    }
  }

  /// The value for the outside.
  var array: NumericArray {
    let values: NumericArray.Values =
      switch content {
      case .floats(let tensor): .floats(tensor.values)
      case .integers(let values): .integers(values)
      case .booleans(let values): .booleans(values)
      }
    return NumericArray(type: type, shape: shape, values: values)
  }

  /// The floats, if they are floats.
  var tensor: Tensor? {
    guard case .floats(let tensor) = content else { return nil }
    return tensor
  }

  /// The whole numbers, if they are whole numbers.
  var integers: [Int]? {
    guard case .integers(let values) = content else { return nil }
    return values
  }

  /// The truth values, if they are truth values.
  var booleans: [Bool]? {
    guard case .booleans(let values) = content else { return nil }
    return values
  }

  /// The values as floats, for a computation or as a mask.
  var asTensor: Tensor {
    switch content {
    case .floats(let tensor): tensor
    case .integers(let values): Tensor(values.map(Float.init), shape: shape)
    case .booleans(let values): Tensor(values.map { $0 ? 1 : 0 }, shape: shape)
    }
  }

  /// The same values under a shape of as many.
  func reshaped(_ shape: [Int]) -> ONNXValue {
    var copy = self
    copy.shape = shape
    if case .floats(let tensor) = content { copy.content = .floats(tensor.reshaped(shape)) }
    return copy
  }

  /// The values that stand at `indices`, counted row-major and all valid, under a new shape.
  func picking(_ indices: [Int], shape: [Int]) -> ONNXValue {
    var copy = self
    copy.shape = shape
    switch content {
    case .floats(let tensor): copy.content = .floats(tensor.picking(indices, shape: shape))
    case .integers(let values): copy.content = .integers(indices.map { values[$0] })
    case .booleans(let values): copy.content = .booleans(indices.map { values[$0] })
    }
    return copy
  }

  /// All values of several, one after another; they must be of one type, of which there is at least one.
  static func flattened(_ values: [ONNXValue]) -> ONNXValue {
    let count = values.reduce(0) { $0 + $1.count }
    var result = values[0]
    result.shape = [count]
    switch values[0].content {
    case .floats:
      let tensors = values.compactMap { value in value.tensor.map { $0.reshaped([value.count]) } }
      result.content = .floats(concatenate(tensors, axis: 0))
    case .integers: result.content = .integers(values.flatMap { $0.integers ?? [] })
    case .booleans: result.content = .booleans(values.flatMap { $0.booleans ?? [] })
    }
    return result
  }
}

extension ElementType {
  /// Whether values of the type are floats in a ``ONNXValue``.
  package var isFloat: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: true
    case .bool, .uint8, .int32, .int64: false
    }
  }

  /// The name in messages, which is ONNX's own.
  var onnxName: String {
    switch self {
    case .bool: "bool"
    case .uint8: "uint8"
    case .int32: "int32"
    case .int64: "int64"
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .float32: "float"
    case .float64: "double"
    }
  }
}
