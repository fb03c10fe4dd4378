import Refrain
import RefrainData

/// What flows from node to node: floats of any precision as a tensor, through which gradients flow, and whole numbers
/// and truth values as they are.
struct ONNXValue: Sendable {
  enum Content: Sendable {
    case floats(Tensor)
    case integers([Int])
    case booleans([Bool])
    /// A list of values, of as many as the only axis of the shape says.
    case sequence([ONNXValue])
  }

  private(set) var type: ElementType
  private(set) var shape: [Int]
  private(set) var content: Content

  var count: Int { shape.reduce(1, *) }
  /// The bytes that its values take.
  var size: Int { sequence?.reduce(64) { $0 + $1.size } ?? count * type.sizeInMemory }
  var rank: Int { shape.count }

  /// Floats; they are computed as 32-bit ones whatever `type` they have.
  init(_ tensor: Tensor, type: ElementType = .float32) {
    (self.type, shape, content) = (type, tensor.shape, .floats(tensor))
  }

  /// Whole numbers, which must fill the shape; what `type` cannot hold wraps around.
  init(_ integers: [Int], shape: [Int], type: ElementType = .int64) {
    (self.type, self.shape) = (type, shape)
    func wrapped<Stored: FixedWidthInteger>(_ stored: Stored.Type) -> Content {
      .integers(integers.map { Int(Stored(truncatingIfNeeded: $0)) })
    }
    content =
      switch type {
      case .uint8: wrapped(UInt8.self)
      case .int8: wrapped(Int8.self)
      case .uint16: wrapped(UInt16.self)
      case .int16: wrapped(Int16.self)
      case .uint32: wrapped(UInt32.self)
      case .int32: wrapped(Int32.self)
      default: .integers(integers)
      }
  }

  /// Truth values, which must fill the shape.
  init(_ booleans: [Bool], shape: [Int]) {
    (type, self.shape, content) = (.bool, shape, .booleans(booleans))
  }

  /// A list of values, all of one type.
  init(sequence: [ONNXValue], type: ElementType) {
    (self.type, shape, content) = (type, [sequence.count], .sequence(sequence))
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
      case .sequence(let values): .floats(values.map { _ in 0 })
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

  /// The list, if it is one.
  var sequence: [ONNXValue]? {
    guard case .sequence(let values) = content else { return nil }
    return values
  }

  /// The values as floats, for a computation or as a mask.
  var asTensor: Tensor {
    switch content {
    case .floats(let tensor): tensor
    case .integers(let values): Tensor(values.map(Float.init), shape: shape)
    case .booleans(let values): Tensor(values.map { $0 ? 1 : 0 }, shape: shape)
    // No operator is given one that would ask for this.
    case .sequence: .zeros(shape)
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
    case .sequence(let values): copy.content = .sequence(indices.map { values[$0] })
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
    case .sequence: result.content = .sequence(values.flatMap { $0.sequence ?? [] })
    }
    return result
  }
}

extension ElementType {
  /// The name in messages, which is ONNX's own.
  var onnxName: String {
    switch self {
    case .bool: "bool"
    case .uint8: "uint8"
    case .int8: "int8"
    case .uint16: "uint16"
    case .int16: "int16"
    case .uint32: "uint32"
    case .int32: "int32"
    case .int64: "int64"
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .float32: "float"
    case .float64: "double"
    }
  }
}
