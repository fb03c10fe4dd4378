/// What the header of a safetensors file says, once it is known to be true of the file.
struct SafeTensorsHeader {
  struct Entry {
    var name: String
    /// Nil for one that cannot be read.
    var type: ElementType?
    var typeName: String
    var shape: [Int]
    /// The bytes, counted from the end of the header.
    var offsets: Range<Int>
  }

  /// In the order of their bytes.
  var entries: [Entry] = []
  var metadata: [String: String] = [:]

  /// As in the reference implementation: a header beyond this is an attack.
  private static let longestHeader = 100_000_000
  private static let mostExtents = 64
  private static let mostTensors = 100_000
  private static let longestName = 4096

  private var listsOthers = false

  /// Reads and checks the header; also returns where the values lie in the file.
  ///
  /// - Parameter listingOthers: whether tensors of unknown types are let pass.
  static func read(
    from source: SafeTensorsSource, listingOthers: Bool
  ) throws(DataError) -> (header: SafeTensorsHeader, data: Range<Int>) {
    guard source.size > 8 else {
      throw source.size == 0 ? DataError(.notSafeTensors, "the file is empty") : notSafeTensors("it is too short")
    }
    let start = try source.bytes(0..<9)
    let length = start.littleEndian(at: start.startIndex, as: UInt64.self) ?? 0
    guard length <= longestHeader else { throw notSafeTensors("its header would be \(length) bytes long") }
    guard start.last == UInt8(ascii: "{") else { throw notSafeTensors("no header follows its first 8 bytes") }
    guard length <= source.size - 8 else {
      throw corrupt("the header is said to be \(length) bytes long, but the file ends after \(source.size - 8)")
    }
    let end = 8 + Int(length)
    let text = try source.bytes(8..<end)
    guard String(validating: text, as: UTF8.self) != nil else { throw corrupt("the header is not UTF-8") }
    var header = SafeTensorsHeader()
    header.listsOthers = listingOthers
    var scanner = JSONScanner(bytes: text)
    do throws(JSONFault) {
      try header.parse(&scanner)
    } catch {
      throw error.asDataError
    }
    try header.check(size: source.size - end)
    return (header, end..<source.size)
  }

  private mutating func parse(_ scanner: inout JSONScanner) throws(JSONFault) {
    var names: Set<String> = []
    try scanner.readObject { name, scanner throws(JSONFault) in
      guard names.insert(name).inserted else { throw .meaning("the name \(name.quoted) occurs twice in the header") }
      if name == "__metadata__" {
        try scanner.readObject { key, scanner throws(JSONFault) in
          guard metadata.updateValue(try scanner.readString(), forKey: key) == nil else {
            throw .meaning("the name \(key.quoted) occurs twice in the metadata")
          }
        }
      } else {
        guard entries.count < Self.mostTensors else {
          throw .meaning("it holds more than \(Self.mostTensors) tensors")
        }
        guard name.utf8.count <= Self.longestName else {
          throw .meaning("a tensor's name of \(name.utf8.count) bytes is longer than \(Self.longestName)")
        }
        entries.append(try readEntry(name, &scanner))
      }
    }
    try scanner.requireEnd()
  }

  private func readEntry(_ name: String, _ scanner: inout JSONScanner) throws(JSONFault) -> Entry {
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    try scanner.readObject { key, scanner throws(JSONFault) in
      switch key {
      case "dtype" where type == nil: type = try scanner.readString()
      case "shape" where shape == nil: shape = try scanner.readIntegers(atMost: Self.mostExtents)
      case "data_offsets" where offsets == nil: offsets = try scanner.readIntegers(atMost: 2)
      default: throw .meaning("tensor \(name.quoted) has an unknown or repeated key \(key.quoted)")
      }
    }
    guard let type, let shape, let offsets, offsets.count == 2, offsets[0] <= offsets[1] else {
      throw .meaning("the type, the shape or the place of tensor \(name.quoted) is missing or wrong")
    }
    let element = ElementType(rawValue: type)
    guard element != nil || listsOthers else { throw .type(type, tensor: name) }
    return Entry(name: name, type: element, typeName: type, shape: shape, offsets: offsets[0]..<offsets[1])
  }

  /// Sorts the entries by place and makes sure that they fill `size` bytes, one after another.
  private mutating func check(size: Int) throws(DataError) {
    let order = entries.indices.sorted { (entries[$0].offsets.lowerBound, $0) < (entries[$1].offsets.lowerBound, $1) }
    entries = order.map { entries[$0] }
    var end = 0
    for entry in entries {
      // An empty tensor may stand before another of the same place, and after it in the header.
      guard entry.offsets.lowerBound == end || entry.offsets.isEmpty && entry.offsets.lowerBound <= size else {
        let fault = entry.offsets.lowerBound < end ? "overlaps another" : "leaves a hole before it"
        throw Self.corrupt("tensor \(entry.name.quoted) \(fault)")
      }
      guard entry.offsets.upperBound <= size else {
        throw Self.corrupt("tensor \(entry.name.quoted) reaches beyond the end of the file")
      }
      // The size of an unknown type is not known.
      if let type = entry.type {
        let count = elementCount(of: entry.shape)?.multipliedReportingOverflow(by: type.size)
        guard let count, !count.overflow, count.partialValue == entry.offsets.count else {
          throw Self.corrupt(
            "tensor \(entry.name.quoted) of \(entry.shape) \(type.rawValue) cannot be \(entry.offsets.count) bytes")
        }
      }
      end = max(end, entry.offsets.upperBound)
    }
    guard end == size else { throw Self.corrupt("\(size - end) bytes belong to no tensor") }
  }

  private static func notSafeTensors(_ reason: String) -> DataError {
    DataError(.notSafeTensors, "this is no safetensors file: \(reason)", remedy: "name a saved model")
  }

  fileprivate static func corrupt(_ problem: String) -> DataError {
    DataError(.corruptSafeTensors, "the file is damaged: \(problem)", remedy: "copy or save it again")
  }
}

extension JSONFault {
  fileprivate var asDataError: DataError {
    switch self {
    case .syntax(let position): SafeTensorsHeader.corrupt("the header's JSON is wrong at byte \(position)")
    case .meaning(let problem): SafeTensorsHeader.corrupt(problem)
    case .type(let type, let tensor):
      DataError(
        .unsupportedTensorType, "tensor \(tensor.quoted) is of type \(type.quoted), which cannot be read",
        remedy: "save it as F32")
    }
  }
}
