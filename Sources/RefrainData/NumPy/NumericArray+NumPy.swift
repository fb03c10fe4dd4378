extension NumericArray {
  /// Reads the bytes of a `.npy` file, NumPy's format for one array, in version 1, 2 or 3.
  ///
  /// Truth values, whole and floating-point numbers of either byte order are read, row by row or column by column.
  /// Whole numbers keep their type, but those of 64 bits without a sign become `int64`. Python objects are refused:
  /// nothing of a file is ever run.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - file: Where they come from, for messages.
  /// - Throws: `wrongFormat`, `damagedFile`, `unsupportedContent` for another type of element, `inexactConversion` for
  ///   a whole number beyond 2⁶³ − 1.
  public init(npy bytes: [UInt8], file: String? = nil) throws(DataError) { try self.init(npy: bytes[...], file: file) }

  /// Reads a `.npy` file.
  ///
  /// - Throws: `missingFile`, `isDirectory`, `unreadableFile`, or what ``init(npy:file:)`` throws.
  public init(npyFile path: String) throws(DataError) { try self.init(npy: readFile(path), file: path) }

  package init(npy bytes: ArraySlice<UInt8>, file: String?) throws(DataError) {
    do throws(DataError) {
      let (header, data) = try NumPyHeader.read(from: bytes)
      let type = header.type
      guard let count = elementCount(of: header.shape),
        case (let size, let overflows) = count.multipliedReportingOverflow(
          by: type.size), !overflows, size == data.count
      else {
        throw .damagedNumPy("an array of \(header.shape) \(type.name) cannot be \(data.count) bytes")
      }
      try MemoryBudget.current.take(count * type.element.sizeInMemory, for: "the array")
      let elements = header.isColumnMajor ? rowMajor(data, elementSize: type.size, shape: header.shape)[...] : data
      self.init(type: type.element, shape: header.shape, values: try type.values(in: elements))
    } catch {
      throw error.inFile(file)
    }
  }

  /// The bytes of a `.npy` file of version 1, row by row, the lowest byte of each number first. A `bfloat16`, which
  /// NumPy does not know, is written as a Float.
  ///
  /// - Throws: `invalidTensor` when values are of another kind than the type calls for, or there are over 64 axes;
  ///   `inexactConversion` when a whole number does not fit into the type.
  public func npy() throws(DataError) -> [UInt8] {
    guard shape.count <= NumPyHeader.mostExtents else {
      throw DataError(.invalidTensor, "an array of \(shape.count) axes is more than NumPy knows")
    }
    var array = self
    if type == .bfloat16 { array.type = .float32 }
    return try NumPyHeader.bytes(for: array.type, shape: shape) + array.littleEndianBytes()
  }
}

/// The bytes of elements whose first axis runs fastest, with the last running fastest. They fill the shape.
private func rowMajor(_ bytes: ArraySlice<UInt8>, elementSize: Int, shape: [Int]) -> [UInt8] {
  guard bytes.count > elementSize else { return Array(bytes) }
  // An axis of one element decides nothing.
  let extents = shape.filter { $0 > 1 }
  var strides: [Int] = []
  var stride = elementSize
  for extent in extents {
    strides.append(stride)
    stride *= extent
  }
  var result: [UInt8] = []
  result.reserveCapacity(bytes.count)
  var place = [Int](repeating: 0, count: extents.count)
  var position = bytes.startIndex
  while true {
    result += bytes[position..<position + elementSize]
    var axis = extents.count - 1
    while axis >= 0 {
      place[axis] += 1
      position += strides[axis]
      if place[axis] < extents[axis] { break }
      position -= extents[axis] * strides[axis]
      place[axis] = 0
      axis -= 1
    }
    if axis < 0 { return result }
  }
}

extension DataError {
  /// The error of an array file that contradicts itself.
  static func damagedNumPy(_ problem: String) -> DataError {
    DataError(.damagedFile, "the array is damaged: \(problem)", remedy: "copy or save it again")
  }
}
