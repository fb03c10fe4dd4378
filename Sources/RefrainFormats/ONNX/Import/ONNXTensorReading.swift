import Refrain
import RefrainData

extension ElementType {
  /// The type that ONNX has under this number, or nil for one that is not read.
  init?(onnx number: Int32?) {
    switch ONNXMessage.DataType(rawValue: number ?? 0) {
    case .float: self = .float32
    case .uint8: self = .uint8
    case .int8: self = .int8
    case .uint16: self = .uint16
    case .int16: self = .int16
    case .uint32: self = .uint32
    case .int32: self = .int32
    case .int64: self = .int64
    case .bool: self = .bool
    case .float16: self = .float16
    case .double: self = .float64
    case .bfloat16: self = .bfloat16
    default: return nil
    }
  }

  /// ONNX's name of a type by its number, for messages.
  static func onnxName(of number: Int32?) -> String {
    let number = number ?? 0
    return ONNXMessage.DataType(rawValue: number).map { "\($0)" } ?? "number \(number)"
  }
}

extension ONNXValue {
  /// The values of a tensor in a model. Its shape is held against the bytes before memory is taken.
  ///
  /// - Parameters:
  ///   - proto: the tensor.
  ///   - title: what it is called in messages.
  ///   - external: reads values that lie in files beside the model; nil where there can be none.
  /// - Throws: `damagedFile`, `unsupportedContent`, `overMemoryBudget`, or what reading a file beside the model throws.
  init(_ proto: ONNXMessage.Tensor, _ title: String, external: ONNXExternalData?) throws(DataError) {
    guard let type = ElementType(onnx: proto.type) else {
      throw DataError(
        .unsupportedContent, "\(title) is of type \(ElementType.onnxName(of: proto.type)), which cannot be read",
        remedy: "export the model with floats, whole numbers of 8 to 32 bits, int64 or bool values")
    }
    let shape = proto.shape
    guard let count = boundedCount(of: shape), isBounded(shape) else {
      throw DataError(.damagedFile, "\(title) has the impossible shape \(shape)")
    }
    let bytes: ArraySlice<UInt8>
    if proto.location == ONNXMessage.Tensor.external {
      bytes = try ONNXExternalData.read(proto, title, from: external, count: count, type)
    } else if let own = proto.bytes {
      bytes = own
    } else {
      self = try ONNXValue(numbersOf: proto, type, shape, count, title)
      return
    }
    let size = count.multipliedReportingOverflow(by: type.size)
    guard !size.overflow, size.partialValue == bytes.count else {
      throw DataError(
        .damagedFile, "\(title) of shape \(shape) and type \(type.onnxName) cannot be \(bytes.count) bytes",
        remedy: "export the model again")
    }
    if proto.location != ONNXMessage.Tensor.external {
      try MemoryBudget.current.take(count * type.sizeInMemory, for: title)
    }
    self = ONNXValue(NumericArray(type: type, shape: shape, littleEndian: bytes))
  }

  /// Values from the fields of numbers that ONNX has besides the bytes.
  private init(
    numbersOf proto: ONNXMessage.Tensor, _ type: ElementType, _ shape: [Int], _ count: Int, _ title: String
  ) throws(DataError) {
    let stored =
      switch type {
      case .float32: proto.floats.count
      case .float64: proto.doubles.count
      case .int64: proto.int64s.count
      case .uint32: proto.uint64s.count
      case .bool, .uint8, .int8, .uint16, .int16, .int32, .float16, .bfloat16: proto.int32s.count
      }
    guard stored == count else {
      throw DataError(
        .damagedFile, "\(title) of shape \(shape) has \(stored) values", remedy: "export the model again")
    }
    func tensor(_ values: [Float]) -> ONNXValue { ONNXValue(Tensor(values, shape: shape), type: type) }
    self =
      switch type {
      case .float32: tensor(proto.floats)
      case .float64: tensor(proto.doubles.map { Float($0) })
      case .float16: tensor(proto.int32s.map { float(half: UInt16(truncatingIfNeeded: $0)) })
      case .bfloat16: tensor(proto.int32s.map { float(bfloat16: UInt16(truncatingIfNeeded: $0)) })
      case .int64: ONNXValue(proto.int64s, shape: shape)
      case .uint8, .int8, .uint16, .int16, .int32:
        ONNXValue(proto.int32s.map { Int($0) }, shape: shape, type: type)
      case .uint32: ONNXValue(proto.uint64s.map { Int(truncatingIfNeeded: $0) }, shape: shape, type: type)
      case .bool: ONNXValue(proto.int32s.map { $0 != 0 }, shape: shape)
      }
  }
}
