/// Named tensors and notes in one file: Hugging Face's safetensors format.
///
/// The file is a little-endian 64-bit length, a JSON header of that length that says where each tensor lies, and the
/// values. The element types BOOL, U8, I8, U16, I16, U32, I32, I64, F16, BF16, F32 and F64 are read and written;
/// floating-point numbers are Floats in between. The same contents always give the same bytes.
///
/// Reading believes nothing: whatever the header claims is checked against the size of the file, and against the
/// memory budget, before memory is taken. A file holds at most 100,000 tensors, whose names have at most 4,096 bytes.
public struct SafeTensorsFile: Hashable, Sendable {
  /// The tensors, in the order in which their values lie in the file.
  public var tensors: [NamedArray]
  /// Notes: text under names.
  public var metadata: [String: String]
  /// The tensors of types that cannot be read; empty unless ``init(bytes:file:listingOthers:)`` was told to list them.
  package private(set) var others: [SafeTensorsOther] = []

  /// Makes a file's contents.
  public init(tensors: [NamedArray], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }

  /// The tensor of this name, if there is one.
  public subscript(name: String) -> NamedArray? { tensors.first { $0.name == name } }

  /// Reads a file, tensor by tensor, so that a large one is not held twice.
  ///
  /// - Throws: `missingFile`, `isDirectory`, `unreadableFile`, also for a file that another program changes in the
  ///   meantime, or what ``init(bytes:file:)`` throws.
  public init(contentsOf path: String) throws(DataError) {
    let file = try OpenFile(path)
    // A pipe cannot be read in any order.
    guard file.isRegular, file.size > 8 else {
      try self.init(bytes: file.readAll(), file: path)
      return
    }
    let source = SafeTensorsSource(size: file.size) { (range) throws(DataError) in try file.read(range)[...] }
    try self.init(source, file: path, listingOthers: false)
    try file.checkUnchanged()
  }

  /// Reads the bytes of a file.
  ///
  /// - Throws: `notSafeTensors` when this is another kind of file, `corruptSafeTensors` when it is damaged or forged,
  ///   `unsupportedTensorType`.
  public init(bytes: [UInt8], file: String? = nil) throws(DataError) {
    try self.init(bytes: bytes, file: file, listingOthers: false)
  }

  /// The same; tensors of types that cannot be read are listed in ``others`` and not refused.
  package init(bytes: [UInt8], file: String?, listingOthers: Bool) throws(DataError) {
    let source = SafeTensorsSource(size: bytes.count) { (range) throws(DataError) in bytes[range] }
    try self.init(source, file: file, listingOthers: listingOthers)
  }

  private init(_ source: SafeTensorsSource, file: String?, listingOthers: Bool) throws(DataError) {
    do throws(DataError) {
      let (header, data) = try SafeTensorsHeader.read(from: source, listingOthers: listingOthers)
      metadata = header.metadata
      others = header.entries.compactMap { entry in
        entry.type == nil ? SafeTensorsOther(name: entry.name, type: entry.typeName, shape: entry.shape) : nil
      }
      let budget = MemoryBudget.current
      tensors = []
      tensors.reserveCapacity(header.entries.count)
      for entry in header.entries {
        guard let type = entry.type else { continue }
        // They are held against the file already; whole numbers take more in memory than there.
        try budget.take(entry.offsets.count / type.size * type.sizeInMemory, for: "the tensor \(entry.name.quoted)")
        let start = data.lowerBound + entry.offsets.lowerBound
        let array = try Self.array(of: type, shape: entry.shape, in: start..<start + entry.offsets.count, from: source)
        tensors.append(NamedArray(name: entry.name, array: array))
      }
    } catch {
      throw error.inFile(file)
    }
  }

  /// The array whose values lie in some bytes.
  private static func array(
    of type: ElementType, shape: [Int], in range: Range<Int>, from source: SafeTensorsSource
  ) throws(DataError) -> NumericArray {
    guard type.isFloat else { return NumericArray(type: type, shape: shape, littleEndian: try source.bytes(range)) }
    // Part by part, so that a large tensor is not held twice.
    var floats: [Float] = []
    floats.reserveCapacity(range.count / type.size)
    let part = 1 << 20
    for start in stride(from: range.lowerBound, to: range.upperBound, by: part) {
      let bytes = try source.bytes(start..<min(start + part, range.upperBound))
      floats += bytes.withUnsafeBytes { type.floats(in: $0) }
    }
    return NumericArray(type: type, shape: shape, values: .floats(floats))
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

  /// The bytes of the file: the metadata sorted by name, the tensors in their order and types.
  ///
  /// - Throws: `invalidTensor` when a name is used twice or reserved, or values do not fill their shape or are of
  ///   another kind than their type; `inexactConversion` when a whole number does not fit into its type.
  public func bytes() throws(DataError) -> [UInt8] {
    var names: Set<String> = ["__metadata__"]
    for tensor in tensors where !names.insert(tensor.name).inserted {
      throw DataError(.invalidTensor, "the name \(tensor.name.quoted) is used twice or reserved")
    }
    let header = headerText()
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + header.count + tensors.reduce(0) { $0 + $1.size })
    bytes.append(littleEndian: UInt64(header.count))
    bytes += header
    for tensor in tensors {
      do throws(DataError) {
        bytes += try tensor.array.littleEndianBytes()
      } catch {
        throw DataError(error.code, "tensor \(tensor.name.quoted): \(error.problem)", remedy: error.remedy)
      }
    }
    return bytes
  }

  private func headerText() -> [UInt8] {
    var fields: [String] = []
    if !metadata.isEmpty {
      let notes = metadata.sorted { $0.key < $1.key }.map { "\(jsonText($0.key)):\(jsonText($0.value))" }
      fields.append("\"__metadata__\":{\(notes.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      let (type, shape) = (tensor.array.type.rawValue, tensor.shape.map(String.init).joined(separator: ","))
      let end = offset + tensor.size
      fields.append(
        "\(jsonText(tensor.name)):{\"dtype\":\"\(type)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    let text = Array("{\(fields.joined(separator: ","))}".utf8)
    // Blanks fill the header so that the values begin at a multiple of eight.
    return text + [UInt8](repeating: .space, count: (8 - text.count % 8) % 8)
  }
}

/// A tensor of a type that cannot be read.
package struct SafeTensorsOther: Hashable, Sendable {
  /// Its name.
  package var name: String
  /// The type as the file has it, such as `F8_E4M3`.
  package var type: String
  /// The extents, outermost first.
  package var shape: [Int]
}

/// Where the bytes of a file come from.
struct SafeTensorsSource {
  let size: Int
  let bytes: (Range<Int>) throws(DataError) -> ArraySlice<UInt8>
}

extension NamedArray {
  /// Bytes of all elements.
  fileprivate var size: Int { array.values.count * array.type.size }
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
