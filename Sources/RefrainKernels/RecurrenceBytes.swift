// The products of a recurrent step where weights are bytes, or bfloat16. The state is quantized at each step, the input
// before the first. Gates, states and biases are floats as ever, and so are the products with an input of few numbers,
// which would gain nothing and might lose.

/// Quantizes the rows of the state that enter a stage.
@inline(never)
func quantizeState(_ state: P, _ rows: Range<Int>, _ memory: RecurrentMemory, _ bytes: RecurrentBytes) {
  let size = bytes.kernels.quantizedRowSize(memory.hiddenSize)
  bytes.kernels.quantizeRows(
    QuantizeRowsArguments(
      rows: rows.upperBound &- rows.lowerBound, depth: memory.hiddenSize,
      x: state + rows.lowerBound &* memory.paddedSize, stride: memory.paddedSize,
      quantized: bytes.state + rows.lowerBound &* size, scales: bytes.stateScales + rows.lowerBound))
}

/// sums[rows, vectors] = bias + input · W + state · R for `rows` rows from `row` on. Of four accumulators and three
/// products the input's third runs into the third accumulator, the state's into the fourth.
@inline(never)
func byteTiles(
  _ vectors: Int, _ products: Int, _ panel: P, _ row: Int, _ rows: Int, _ positions: UnsafePointer<Int>,
  _ memory: RecurrentMemory, _ bytes: RecurrentBytes, _ sums: M
) {
  let stride = vectors &* width
  let inputs = panel + stride
  if let input = bytes.input {
    for r in 0..<rows {
      for j in 0..<vectors { store(load(panel + j &* width), sums + (r &* stride &+ j &* width)) }
    }
    bytes.kernels.quantizedTile(
      QuantizedTileArguments(
        rows: rows, vectors: products, depth: memory.inputSize, a: input, scales: bytes.inputScales,
        offsets: positions, panel: inputs, sums: sums, stride: stride, thirdSlot: 2))
  } else {
    var view = memory
    view.hiddenSize = 0
    floatTiles(vectors, isSplit: vectors != products, panel, row, rows, positions, P(memory.previous), view, sums)
  }
  bytes.kernels.quantizedTile(
    QuantizedTileArguments(
      rows: rows, vectors: products, depth: memory.hiddenSize,
      a: UnsafeRawPointer(bytes.state) + row &* bytes.kernels.quantizedRowSize(memory.hiddenSize),
      scales: UnsafePointer(bytes.stateScales) + row, offsets: nil,
      panel: inputs + products &* width &* memory.layout.inputFloats, sums: sums, stride: stride,
      thirdSlot: vectors == products ? 2 : 3))
}
