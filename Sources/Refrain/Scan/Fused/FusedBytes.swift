// Fused scans of cells whose weights are quantized, or bfloat16.

import RefrainKernels

extension RecurrentWeightFormat {
  /// What multiplies the weights that are no floats.
  fileprivate var products: (any QuantizedKernels.Type)? {
    switch self {
    case .floats: nil
    case .hiddenBytes, .bytes: quantizedKernels
    case .hiddenBFloat16, .bfloat16: bfloat16Kernels
    }
  }

  /// Whether the input's weights are none either.
  fileprivate var isOfInput: Bool { self == .bytes || self == .bfloat16 }
}

extension FusedCell {
  /// How the forward kernel reads the weights where nothing is recorded: as bytes or bfloat16, where they are.
  var weightFormat: RecurrentWeightFormat {
    guard weightHidden.quantizedProducts != nil else { return .floats }
    let isBFloat16 = weightHidden.isBFloat16
    guard weightInput.quantizedProducts != nil, weightInput.isBFloat16 == isBFloat16 else {
      return isBFloat16 ? .hiddenBFloat16 : .hiddenBytes
    }
    return isBFloat16 ? .bfloat16 : .bytes
  }

  /// The scales of the weights, and what multiplies them.
  func scales(_ format: RecurrentWeightFormat) -> RecurrentScales? {
    format.products.map { products in
      RecurrentScales(
        kernels: products, format: format, input: format.isOfInput ? weightInput.rowScales?.address : nil,
        hidden: weightHidden.rowScales?.address)
    }
  }

  /// The floats of memory that a scan needs besides: for the states of `rows` rows and for the rows of the input.
  func byteMemorySize(_ format: RecurrentWeightFormat, rows: Int, inputRows: Int) -> Int {
    guard let products = format.products else { return 0 }
    let states = QuantizedRows.size(count: rows, depth: hiddenSize, for: products)
    return states + (format.isOfInput ? QuantizedRows.size(count: inputRows, depth: inputSize, for: products) : 0)
  }

  /// Quantizes the rows of the input; what else is needed is in `memory`, of ``byteMemorySize(_:rows:inputRows:)``.
  func byteArguments(
    _ format: RecurrentWeightFormat, _ memory: M, rows: Int, input: P, inputRows: Int
  ) -> RecurrentBytes? {
    guard let products = format.products else { return nil }
    let stateScales = memory + rows * products.quantizedRowSize(hiddenSize) / 4
    let bytes = UnsafeMutableRawPointer(stateScales + rows)
    let rowSize = products.quantizedRowSize(inputSize)
    let inputScales = stateScales + rows + (format.isOfInput ? inputRows * rowSize / 4 : 0)
    if format.isOfInput {
      let size = inputSize
      parallel(inputRows, grain: max(1, 1 << 16 / max(size, 1))) { part in
        products.quantizeRows(
          QuantizeRowsArguments(
            rows: part.count, depth: size, x: input + part.lowerBound * size, stride: size,
            quantized: bytes + part.lowerBound * rowSize, scales: inputScales + part.lowerBound))
      }
    }
    return RecurrentBytes(
      kernels: products, format: format, input: format.isOfInput ? UnsafeRawPointer(bytes) : nil,
      inputScales: P(inputScales), state: UnsafeMutableRawPointer(memory), stateScales: stateScales)
  }
}
