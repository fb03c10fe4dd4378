import Refrain
import RefrainData

/// A request of the Open Inference Protocol, version 2: JSON, and after it the bytes of the tensors that are sent so.
struct InferenceRequest: Sendable {
  /// One output that is wanted.
  struct Output: Sendable {
    let name: String
    /// Whether its numbers come as bytes.
    let isBinary: Bool
  }

  /// A request's place in a sequence, as Triton's sequence extension has it.
  struct Sequence: Sendable {
    let id: String
    let starts: Bool
    let ends: Bool
  }

  /// What the client calls the request.
  let id: String?
  /// The tensors by name.
  let inputs: [String: NumericArray]
  /// The outputs that are wanted; nil is all.
  let outputs: [Output]?
  /// Whether numbers come as bytes where nothing else is said.
  let isBinary: Bool
  /// The sequence that it is a part of.
  let sequence: Sequence?

  /// The most inputs of a request.
  private static let mostInputs = 64
  /// The longest JSON that is read.
  static let longestJSON = 8 << 20

  /// Reads a body.
  ///
  /// - Parameter headerLength: How many bytes of it are JSON; nil is all.
  /// - Throws: 400 with what cannot be understood, 413 for too much of it.
  init(_ body: [UInt8], headerLength: Int?) throws(Failure) {
    let length = headerLength ?? body.count
    guard (0...body.count).contains(length) else {
      throw Failure(400, "the header is said to have \(length) bytes, and the body has \(body.count)")
    }
    guard length <= Self.longestJSON else {
      throw Failure(413, "more than \(memoryText(Self.longestJSON)) of JSON: send the tensors as bytes")
    }
    let json: JSONValue
    do throws(DataError) { json = try JSONValue(Array(body[..<length]), name: "the request") } catch {
      throw Failure(400, error.problem)
    }
    id = try Self.optional(json["id"], json["id"].string, "the id must be text")
    guard let inputs = json["inputs"].array, !inputs.isEmpty else {
      throw Failure(400, "the request has no inputs")
    }
    guard inputs.count <= Self.mostInputs else { throw Failure(400, "the request has \(inputs.count) inputs") }
    var rest = body[length...]
    var arrays: [String: NumericArray] = [:]
    for input in inputs {
      let (name, array) = try Self.tensor(input, &rest)
      guard arrays.updateValue(array, forKey: name) == nil else {
        throw Failure(400, "the input \(name.quoted) is given twice")
      }
    }
    guard rest.isEmpty else { throw Failure(400, "\(rest.count) bytes are left over after the inputs") }
    self.inputs = arrays
    let parameters = json["parameters"]
    isBinary = try Self.flag(parameters, "binary_data_output") ?? false
    let binary = isBinary
    outputs = try Self.optional(json["outputs"], json["outputs"].array, "the outputs must be an array")?.map {
      (output) throws(Failure) in
      guard let name = output["name"].string else { throw Failure(400, "an output has no name") }
      let others = ["classification", "shared_memory_region"]
      if let other = others.first(where: { output["parameters"][$0] != .null }) {
        throw Failure(
          400,
          "the output \(name.quoted) is asked for with \(other.quoted)"
            + (other == others[0] ? " (class_count)" : "") + ", which is not there; take its numbers as they are")
      }
      return Output(name: name, isBinary: try Self.flag(output["parameters"], "binary_data") ?? binary)
    }
    sequence = try Self.sequence(parameters)
  }

  // MARK: - Tensors

  /// A tensor of the request; one that is sent as bytes takes them off `rest`.
  private static func tensor(
    _ json: JSONValue, _ rest: inout ArraySlice<UInt8>
  ) throws(Failure) -> (String, NumericArray) {
    guard let name = json["name"].string else { throw Failure(400, "an input has no name") }
    guard let datatype = json["datatype"].string else {
      throw Failure(400, "the input \(name.quoted) has no datatype")
    }
    let type = try Datatype.type(datatype, of: name)
    guard let extents = json["shape"].array, extents.count <= 16 else {
      throw Failure(400, "the input \(name.quoted) has no shape of at most 16 extents")
    }
    var shape: [Int] = []
    for extent in extents {
      guard let extent = extent.integer, extent >= 0 else {
        throw Failure(400, "the shape of the input \(name.quoted) is not made of whole numbers from 0 to 2147483647")
      }
      shape.append(extent)
    }
    guard let count = elementCount(of: shape) else {
      throw Failure(400, "the input \(name.quoted) of shape \(shape) has more elements than there can be")
    }
    guard count > 0 else { throw Failure(400, "the input \(name.quoted) of shape \(shape) has no elements") }
    let size = json["parameters"]["binary_data_size"]
    if size != .null {
      guard json["data"] == .null else {
        throw Failure(400, "the input \(name.quoted) is sent both as JSON and as bytes")
      }
      // What it takes must be what there is: nothing is allocated for what is only said.
      let needed = count.multipliedReportingOverflow(by: type.size)
      guard let size = size.integer, !needed.overflow, size == needed.partialValue else {
        throw Failure(
          400,
          "the input \(name.quoted) of shape \(shape) and type \(datatype) takes "
            + "\(needed.overflow ? "more" : String(needed.partialValue)) bytes, not what binary_data_size says")
      }
      guard size <= rest.count else {
        throw Failure(400, "the input \(name.quoted) takes \(size) bytes, and \(rest.count) are left of the body")
      }
      let bytes = rest.prefix(size)
      rest = rest.dropFirst(size)
      return (name, NumericArray(type: type, shape: shape, littleEndian: bytes))
    }
    guard let data = json["data"].array else { throw Failure(400, "the input \(name.quoted) has no data") }
    return (name, try JSONNumbers(type: type, name: name).array(data, shape: shape, count: count))
  }

  // MARK: - Parameters

  private static func optional<Value>(
    _ json: JSONValue, _ value: Value?, _ problem: String
  ) throws(Failure) -> Value? {
    guard json != .null else { return nil }
    guard let value else { throw Failure(400, problem) }
    return value
  }

  private static func flag(_ parameters: JSONValue, _ name: String) throws(Failure) -> Bool? {
    try optional(parameters[name], parameters[name].bool, "the parameter \(name) must be true or false")
  }

  /// The most bytes of a sequence's name.
  private static let longestName = 128

  private static func sequence(_ parameters: JSONValue) throws(Failure) -> Sequence? {
    let starts = try flag(parameters, "sequence_start") ?? false
    let ends = try flag(parameters, "sequence_end") ?? false
    switch parameters["sequence_id"] {
    case .null: break
    // 0 and an empty name are none.
    case .number(let number):
      guard number >= 0, number < 0x1p64, number == number.rounded() else {
        throw Failure(400, "the sequence_id must be a whole number from 0 on, or text")
      }
      if number > 0 { return Sequence(id: "\(UInt64(number))", starts: starts, ends: ends) }
    case .whole(let number): return Sequence(id: "\(number)", starts: starts, ends: ends)
    case .string(let text):
      guard text.utf8.count <= longestName else {
        throw Failure(400, "the sequence_id has more than \(longestName) bytes")
      }
      if !text.isEmpty { return Sequence(id: "text:" + text, starts: starts, ends: ends) }
    default: throw Failure(400, "the sequence_id must be a whole number from 0 on, or text")
    }
    guard !starts, !ends else { throw Failure(400, "sequence_start and sequence_end need a sequence_id") }
    return nil
  }
}

/// Numbers of a type out of JSON, flat or nested.
struct JSONNumbers {
  let type: ElementType
  let name: String

  /// The array of a shape.
  ///
  /// - Throws: 400 when there are more or fewer numbers than it has, when they are nested otherwise, or for one that is
  ///   none of the type.
  func array(_ data: [JSONValue], shape: [Int], count: Int) throws(Failure) -> NumericArray {
    var (floats, integers, booleans) = ([Float](), [Int](), [Bool]())
    func add(_ value: JSONValue) throws(Failure) {
      switch value.nearest {
      case .array(let values): for value in values { try add(value) }
      case .bool(let value) where type == .bool: booleans.append(value)
      case .number(let value) where type == .bool && (value == 0 || value == 1): booleans.append(value == 1)
      case .number(let value) where type.isFloat:
        let float = Float(value)
        guard float.isFinite else { throw fault("\(value) is beyond what a float holds") }
        floats.append(float)
      case .number(let value):
        guard let integer = Int(exactly: value), type.range?.contains(integer) == true, abs(value) <= 0x1p53 else {
          throw fault("\(value) is no whole number of the type \(Datatype.name(type))")
        }
        integers.append(integer)
      default: throw fault("there is something among the data that is no number of the type \(Datatype.name(type))")
      }
    }
    try checkNesting(data, shape)
    for value in data { try add(value) }
    let values: NumericArray.Values =
      type == .bool ? .booleans(booleans) : type.isFloat ? .floats(floats) : .integers(integers)
    guard values.count == count else {
      throw fault("there are \(values.count) numbers, and its shape \(shape) has \(count)")
    }
    return NumericArray(type: type, shape: shape, values: values)
  }

  /// Makes sure that data that are nested are so as the shape says; flat ones may be of any.
  private func checkNesting(_ data: [JSONValue], _ shape: [Int]) throws(Failure) {
    guard data.contains(where: { $0.array != nil }) else { return }
    func check(_ values: [JSONValue], _ axis: Int) throws(Failure) {
      guard values.count == shape[axis] else {
        throw fault("its data are nested otherwise than its shape \(shape): \(values.count) in place of \(shape[axis])")
      }
      for value in values {
        let inner = value.array
        guard (inner == nil) == (axis == shape.count - 1) else {
          throw fault("its data are nested otherwise than its shape \(shape)")
        }
        if let inner { try check(inner, axis + 1) }
      }
    }
    guard !shape.isEmpty else { throw fault("its data are nested, and its shape is []") }
    try check(data, 0)
  }

  private func fault(_ problem: String) -> Failure { Failure(400, "the input \(name.quoted): \(problem)") }
}
