import RefrainKernels

extension Tensor {
  /// The shortest row that is quantized: products with shorter ones gain nothing from it, and what is said of the row
  /// besides would weigh as much as its numbers.
  public static let shortestQuantizedRow = 32
  /// The longest, so that the sums of its products fit into 32 bits.
  public static let longestQuantizedRow = 65_536
  /// The smallest scale but 0 of a row.
  public static let smallestRowScale: Float = 1e-30

  /// A matrix whose values are whole numbers times a scale: products with it, where nothing is recorded, are of bytes.
  ///
  /// - Parameters:
  ///   - numbers: from −127 to 127, in row-major order.
  ///   - scales: `[rows]`, a scale for each row, which is what the first axis counts: 0, or from
  ///     ``smallestRowScale`` on and finite.
  ///   - shape: of rank 2 or more.
  public init(quantized numbers: [Int8], scales: [Float], shape: [Int]) {
    require(
      shape.count >= 2 && numbers.count == shape.product && scales.count == shape[0],
      "\(numbers.count) numbers and \(scales.count) scales do not fill the shape \(shape)")
    require(
      numbers.allSatisfy { $0 >= -127 } && scales.allSatisfy(Self.isRowScale),
      "a quantized matrix holds a number below −127, or a scale that is not 0, nor from 1e-30 on and finite")
    let width = shape.dropFirst().product
    self.init(shape) { target in
      for (row, scale) in scales.enumerated() {
        for place in row * width..<(row + 1) * width { target[place] = Float(numbers[place]) * scale }
      }
    }
    storage.setRowScales(Storage(scales))
  }

  /// Whether a number can be the scale of a row.
  public static func isRowScale(_ scale: Float) -> Bool { scale == 0 || scale >= smallestRowScale && scale < 1e30 }

  /// The numbers and the scales of a matrix that is quantized; nil of any other tensor.
  public var quantizedRows: (numbers: [Int8], scales: [Float])? {
    guard let scales = rowScales else { return nil }
    let width = shape.dropFirst().product
    var numbers: [Int8] = []
    numbers.reserveCapacity(count)
    read { values in
      for row in 0..<scales.count {
        let scale = scales.pointer[row]
        for place in row * width..<(row + 1) * width {
          numbers.append(scale == 0 ? 0 : Int8(min(max((values[place] / scale).rounded(), -127), 127)))
        }
      }
    }
    return (numbers, Array(UnsafeBufferPointer(start: scales.pointer, count: scales.count)))
  }

  /// The matrix with each row rounded to 255 whole numbers times a scale, so that the largest magnitude of the row is
  /// 127 times it.
  ///
  /// As it is stay: a tensor of rank 0 or 1, one of a single row, one whose rows are shorter than
  /// ``shortestQuantizedRow`` or longer than ``longestQuantizedRow``, and one with a number that is not finite. A
  /// product of a row with 32 bytes differs from that of floats by less than 1 % of its size, as a rule.
  public func quantized() -> Tensor {
    guard rank >= 2, shape[0] >= 2, rowScales == nil, isFinite else { return self }
    let width = shape.dropFirst().product
    guard (Self.shortestQuantizedRow...Self.longestQuantizedRow).contains(width) else { return self }
    var scales = [Float](repeating: 0, count: shape[0])
    var numbers = [Int8](repeating: 0, count: count)
    read { values in
      for row in 0..<shape[0] {
        let places = row * width..<(row + 1) * width
        let scale = places.reduce(Float(0)) { max($0, abs(values[$1])) } / 127
        guard Self.isRowScale(scale), scale > 0 else { continue }
        scales[row] = scale
        for place in places { numbers[place] = Int8(min(max((values[place] / scale).rounded(), -127), 127)) }
      }
    }
    return Tensor(quantized: numbers, scales: scales, shape: shape)
  }

  /// The scales of the rows of a quantized matrix.
  var rowScales: Storage? {
    guard rank >= 2, let scales = storage.rowScales, scales.count == shape[0] else { return nil }
    return scales
  }

  /// What multiplies rows by those of this matrix where nothing is recorded: nil where the products are of floats.
  var quantizedProducts: (any QuantizedKernels.Type)? {
    guard rank == 2, shape[1] <= Self.longestQuantizedRow else { return nil }
    if storage.isBFloat16 { return shape[1] >= Self.shortestQuantizedRow ? bfloat16Kernels : nil }
    return rowScales == nil ? nil : quantizedKernels
  }
}

extension TensorGroup {
  /// The group with every matrix quantized that can be (``Tensor/quantized()``): a quarter of the size in a file, and
  /// faster where nothing is recorded. Training makes floats of them again.
  public func quantized() -> Self { mapTensors { $0.quantized() } }
}

extension Storage {
  fileprivate convenience init(_ values: [Float]) {
    self.init(count: values.count)
    for (index, value) in values.enumerated() { pointer[index] = value }
  }
}
