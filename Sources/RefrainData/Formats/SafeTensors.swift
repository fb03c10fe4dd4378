/// Named tensors and notes in one file: Hugging Face's safetensors format.
///
/// The file is a little-endian 64-bit length, a JSON header of that length that says where each tensor lies, and the
/// values. Reading knows the element types BOOL, U8, I32, I64, F16, BF16, F32 and F64 and turns each into Float; writing
/// writes F32. The same contents always give the same bytes.
///
/// Reading believes nothing: whatever the header claims is checked against the size of the file before memory is taken.
public struct SafeTensorsFile: Hashable, Sendable {
  /// One tensor.
  public struct Entry: Hashable, Sendable {
    /// Its name, such as `lstm.weight_ih_l0`.
    public var name: String
    /// Its extents, outermost first; empty for a single number.
    public var shape: [Int]
    /// Its elements, row-major: as many as the product of the shape.
    public var values: [Float]

    /// Makes a tensor.
    public init(name: String, shape: [Int], values: [Float]) {
      self.name = name
      self.shape = shape
      self.values = values
    }
  }

  /// The tensors, in the order in which their values lie in the file.
  public var tensors: [Entry]
  /// Notes: text under names.
  public var metadata: [String: String]

  /// Makes a file's contents.
  public init(tensors: [Entry], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }

  /// The tensor of this name, if there is one.
  public subscript(name: String) -> Entry? { tensors.first { $0.name == name } }

  /// Reads a file.
  ///
  /// - Throws: `missingFile`, `isDirectory`, `unreadableFile`, or what ``init(bytes:file:)`` throws.
  public init(contentsOf path: String) throws(DataError) {
    try self.init(bytes: readFile(path), file: path)
  }

  /// Reads the bytes of a file.
  ///
  /// - Throws: `notSafeTensors` when this is another kind of file, `corruptSafeTensors` when it is damaged or forged,
  ///   `unsupportedTensorType`.
  public init(bytes: [UInt8], file: String? = nil) throws(DataError) {
    do throws(DataError) {
      let (header, data) = try SafeTensorsHeader.read(from: bytes)
      metadata = header.metadata
      tensors = header.entries.map { entry in
        Entry(name: entry.name, shape: entry.shape, values: entry.type.floats(in: bytes[entry.place(in: data)]))
      }
    } catch {
      throw error.inFile(file)
    }
  }

  /// The arrays of a file in their types, in the order in which they lie in it.
  ///
  /// - Throws: What ``init(bytes:file:)`` throws.
  package static func arrays(in bytes: [UInt8]) throws(DataError) -> [(name: String, array: NumericArray)] {
    let (header, data) = try SafeTensorsHeader.read(from: bytes)
    return header.entries.map { entry in
      (entry.name, NumericArray(type: entry.type, shape: entry.shape, littleEndian: bytes[entry.place(in: data)]))
    }
  }

  /// Writes the file, whole or not at all (``writeAtomically(_:to:)``).
  ///
  /// - Throws: `invalidTensor`, or what ``writeAtomically(_:to:)`` throws.
  public func write(to path: String) throws(DataError) {
    do throws(DataError) {
      try writeAtomically(bytes(), to: path)
    } catch {
      throw error.inFile(path)
    }
  }

  /// The bytes of the file: the metadata sorted by name, the tensors in their order.
  ///
  /// - Throws: `invalidTensor` when a name is used twice or reserved, or values do not fill their shape.
  public func bytes() throws(DataError) -> [UInt8] {
    try checkTensors()
    return Self.bytes(tensors.map { ($0.name, NumericArray($0.values, shape: $0.shape)) }, metadata: metadata)
  }

  /// The bytes of a file of arrays whose names are all different, each array in the type that holds it without loss.
  package static func bytes(
    _ arrays: [(name: String, array: NumericArray)], metadata: [String: String] = [:]
  ) -> [UInt8] {
    let header = headerText(arrays, metadata)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + header.count + arrays.reduce(0) { $0 + $1.array.storedSize })
    bytes.append(littleEndian: UInt64(header.count))
    bytes += header
    for (_, array) in arrays { bytes += array.littleEndianBytes }
    return bytes
  }

  private static func headerText(
    _ arrays: [(name: String, array: NumericArray)], _ metadata: [String: String]
  ) -> [UInt8] {
    var fields: [String] = []
    if !metadata.isEmpty {
      let notes = metadata.sorted { $0.key < $1.key }.map { "\(jsonText($0.key)):\(jsonText($0.value))" }
      fields.append("\"__metadata__\":{\(notes.joined(separator: ","))}")
    }
    var offset = 0
    for (name, array) in arrays {
      let (type, shape) = (array.storedType.rawValue, array.shape.map(String.init).joined(separator: ","))
      let end = offset + array.storedSize
      fields.append(
        "\(jsonText(name)):{\"dtype\":\"\(type)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    let text = Array("{\(fields.joined(separator: ","))}".utf8)
    // Blanks fill the header so that the values begin at a multiple of eight.
    return text + [UInt8](repeating: .space, count: (8 - text.count % 8) % 8)
  }

  private func checkTensors() throws(DataError) {
    var names: Set<String> = ["__metadata__"]
    for tensor in tensors {
      guard names.insert(tensor.name).inserted else {
        throw DataError(.invalidTensor, "the name \(tensor.name.quoted) is used twice or reserved")
      }
      guard elementCount(of: tensor.shape) == tensor.values.count else {
        throw DataError(
          .invalidTensor, "\(tensor.values.count) values do not fill tensor \(tensor.name.quoted) of \(tensor.shape)")
      }
    }
  }
}

/// The product of a shape; nil when an extent is negative or the product is no Int.
package func elementCount(of shape: [Int]) -> Int? {
  var product = 1
  for extent in shape {
    let (next, overflows) = product.multipliedReportingOverflow(by: extent)
    if overflows || extent < 0 { return nil }
    product = next
  }
  return product
}
