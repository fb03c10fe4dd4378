// Fused scans of cells whose weights are quantized.

import RefrainKernels

extension FusedCell {
  /// How the forward kernel reads the weights where nothing is recorded: as bytes, where they are.
  var weightFormat: RecurrentWeightFormat {
    guard weightHidden.hasByteProducts else { return .floats }
    return weightInput.hasByteProducts ? .bytes : .hiddenBytes
  }

  /// The scales of the weights.
  func scales(_ format: RecurrentWeightFormat) -> RecurrentScales? {
    guard format != .floats, let hidden = weightHidden.rowScales else { return nil }
    return RecurrentScales(
      kernels: quantizedKernels, input: format == .bytes ? weightInput.rowScales?.address : nil,
      hidden: hidden.address)
  }

  /// The floats of memory that a scan needs besides: for the states of `rows` rows and for the rows of the input.
  func byteMemorySize(_ format: RecurrentWeightFormat, rows: Int, inputRows: Int) -> Int {
    if format == .floats { return 0 }
    let states = QuantizedRows.size(count: rows, depth: hiddenSize)
    return states + (format == .bytes ? QuantizedRows.size(count: inputRows, depth: inputSize) : 0)
  }

  /// Quantizes the rows of the input; what else is needed is in `memory`, of ``byteMemorySize(_:rows:inputRows:)``.
  func byteArguments(
    _ format: RecurrentWeightFormat, _ memory: M, rows: Int, input: P, inputRows: Int
  ) -> RecurrentBytes? {
    if format == .floats { return nil }
    let stateScales = memory + rows * quantizedKernels.quantizedRowSize(hiddenSize) / 4
    let bytes = UnsafeMutableRawPointer(stateScales + rows)
    let rowSize = quantizedKernels.quantizedRowSize(inputSize)
    let inputScales = stateScales + rows + (format == .bytes ? inputRows * rowSize / 4 : 0)
    if format == .bytes {
      let size = inputSize
      parallel(inputRows, grain: max(1, 1 << 16 / max(size, 1))) { part in
        quantizedKernels.quantizeRows(
          QuantizeRowsArguments(
            rows: part.count, depth: size, x: input + part.lowerBound * size, stride: size,
            quantized: bytes + part.lowerBound * rowSize, scales: inputScales + part.lowerBound))
      }
    }
    return RecurrentBytes(
      kernels: quantizedKernels, input: format == .bytes ? UnsafeRawPointer(bytes) : nil,
      inputScales: P(inputScales), state: UnsafeMutableRawPointer(memory), stateScales: stateScales)
  }
}
