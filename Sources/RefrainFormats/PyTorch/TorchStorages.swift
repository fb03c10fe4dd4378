import RefrainData

/// Takes tensors out of the storages that they are views of. What a file claims of shapes, strides and counts is
/// checked against the storage's bytes before memory is taken, and all tensors together may not grow far beyond the
/// file.
struct TorchStorages {
  private let storages: [PickleStorage]
  private let isBigEndian: Bool
  private let contents: [String: ArraySlice<UInt8>]
  private var bytesLeft: Int

  /// The storages of an archive.
  ///
  /// - Parameters:
  ///   - storages: what the pickle says of them.
  ///   - contents: their bytes by their keys.
  ///   - isBigEndian: whether the bytes of a number are the highest first.
  init(_ storages: [PickleStorage], contents: [String: ArraySlice<UInt8>], isBigEndian: Bool) {
    self.storages = storages
    self.contents = contents
    self.isBigEndian = isBigEndian
    // Views may share what they see, such as tied weights; a byte may become an integer.
    bytesLeft = 1 << 20 + 8 * contents.reduce(0) { $0 + $1.value.count }
  }

  /// The elements of a tensor.
  ///
  /// - Throws: `damagedFile` or `unsupportedContent`.
  mutating func array(_ tensor: PickleTensor, name: String) throws(DataError) -> NumericArray {
    let storage = storages[tensor.storage]
    guard let type = storage.type.element else {
      throw DataError(
        .unsupportedTensorType, "the tensor \(name.quoted) is in a \(storage.type.rawValue), which cannot be read",
        remedy: "save it as float32")
    }
    guard let bytes = contents[storage.key] else {
      throw damaged("the file of the storage \(storage.key.quoted) is missing")
    }
    guard let needed = product(storage.count, type.size), needed <= bytes.count else {
      throw damaged("the storage \(storage.key.quoted) has \(bytes.count) bytes, too few for \(storage.count) numbers")
    }
    guard let count = elementCount(of: tensor.shape), tensor.offset >= 0, tensor.strides.allSatisfy({ $0 >= 0 }),
      count == 0 || isWithin(tensor, count: storage.count)
    else {
      throw damaged(
        """
        the tensor \(name.quoted) of \(tensor.shape), strides \(tensor.strides) from \(tensor.offset) reaches beyond its \
        storage of \(storage.count)
        """)
    }
    guard let size = product(count, type.sizeInMemory), size <= bytesLeft else {
      throw DataError(
        .unsupportedContent, "the tensor \(name.quoted) repeats a small storage as \(tensor.shape)",
        remedy: "save it with .contiguous()")
    }
    bytesLeft -= size
    return NumericArray(
      type: type, shape: tensor.shape, littleEndian: gather(tensor, count: count, size: type.size, from: bytes)[...])
  }

  private func damaged(_ problem: String) -> DataError {
    DataError(.damagedFile, "the file is damaged: \(problem)", remedy: "copy or save it again")
  }

  private func product(_ count: Int, _ size: Int) -> Int? {
    let (product, overflows) = count.multipliedReportingOverflow(by: size)
    return overflows || product < 0 ? nil : product
  }

  /// Whether the last element of a tensor that has some lies in a storage of `count`.
  private func isWithin(_ tensor: PickleTensor, count: Int) -> Bool {
    var last = tensor.offset
    for (extent, stride) in zip(tensor.shape, tensor.strides) {
      let (step, overflows) = stride.multipliedReportingOverflow(by: extent - 1)
      let (sum, overflowsToo) = last.addingReportingOverflow(step)
      if overflows || overflowsToo { return false }
      last = sum
    }
    return last < count
  }

  /// The bytes of the elements, row-major and the lowest byte first.
  private func gather(_ tensor: PickleTensor, count: Int, size: Int, from bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(count * size)
    if count == 0 { return result }
    // The last axes whose elements lie one after another are copied at once.
    var (run, outer) = (1, tensor.shape.count)
    while outer > 0, tensor.strides[outer - 1] == run || tensor.shape[outer - 1] == 1 {
      outer -= 1
      run *= tensor.shape[outer]
    }
    var index = Array(repeating: 0, count: outer)
    var element = tensor.offset
    for _ in 0..<count / run {
      let start = bytes.startIndex + element * size
      result += bytes[start..<start + run * size]
      // The next index, as an odometer turns. (The stride of an axis of one element may be any number.)
      for axis in index.indices.reversed() where tensor.shape[axis] > 1 {
        index[axis] += 1
        element += tensor.strides[axis]
        if index[axis] < tensor.shape[axis] { break }
        element -= tensor.strides[axis] * tensor.shape[axis]
        index[axis] = 0
      }
    }
    if isBigEndian {
      for start in stride(from: 0, to: result.count, by: size) { result[start..<start + size].reverse() }
    }
    return result
  }
}

extension PickleGlobal {
  /// The bytes of one of a storage's elements, whether it can be read or not; nil where that is not known.
  var elementSize: Int? {
    switch self {
    case .charStorage, .quantizedByteStorage, .quantizedCharStorage, .untypedStorage: 1
    case .shortStorage: 2
    case .quantizedIntStorage: 4
    case .complexFloatStorage: 8
    case .complexDoubleStorage: 16
    default: element?.size
    }
  }

  /// The type of a storage's elements, if it can be read.
  var element: ElementType? {
    self == .typedStorage ? nil : ElementType.allCases.first { PickleGlobal.storage(of: $0) == self }
  }

  /// The storage for elements of a type.
  static func storage(of type: ElementType) -> PickleGlobal {
    switch type {
    case .bool: .boolStorage
    case .uint8: .byteStorage
    case .int8: .charStorage
    case .int16: .shortStorage
    // PyTorch has its unsigned types in storages that say nothing of them.
    case .uint16, .uint32: .typedStorage
    case .int32: .intStorage
    case .int64: .longStorage
    case .float16: .halfStorage
    case .bfloat16: .brainStorage
    case .float32: .floatStorage
    case .float64: .doubleStorage
    }
  }
}
