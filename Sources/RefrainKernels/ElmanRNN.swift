// The simple recurrent network (Elman 1990): h′ = tanh(W x + R h + b), or with the rectifier in tanh's place.

/// One gate: a panel is four vectors of units, so that the tile is full.
private enum TanhRNN: RecurrentStage, RecurrentKernel {
  @inline(always) static var gates: Int { 1 }
  @inline(always) static var productGates: Int { 1 }

  @inline(always)
  static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>) {
    memory.leaveAndKeep(tanh(sums.gate(0, place)), place)
  }
}

private enum ReluRNN: RecurrentStage, RecurrentKernel {
  @inline(always) static var gates: Int { 1 }
  @inline(always) static var productGates: Int { 1 }

  @inline(always)
  static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>) {
    memory.leaveAndKeep(atLeast(0, sums.gate(0, place)), place)
  }
}

extension RecurrentMemory {
  /// `leave`; the new state is the only gate to keep.
  @inline(always) fileprivate func leaveAndKeep<let rows: Int>(_ hidden: Rows<rows>, _ place: Place<rows>) {
    leave(hidden, place)
    keep(hidden, 0, of: 1, place)
  }
}

/// The floats `rnnPack` writes.
public func rnnPackedSize(inputSize: Int, hiddenSize: Int) -> Int { TanhRNN.packedSize(inputSize, hiddenSize) }

/// Packs a simple recurrent network's weights for `rnnForward`.
///
/// - weightInput: [H, I]; weightHidden: [H, H]; bias: [H].
/// - packed: `rnnPackedSize` floats, written.
public func rnnPack(
  inputSize: Int, hiddenSize: Int, weightInput: UnsafePointer<Float>, weightHidden: UnsafePointer<Float>,
  bias: UnsafePointer<Float>, packed: UnsafeMutablePointer<Float>
) {
  pack(TanhRNN.self, inputSize, hiddenSize, weightInput, weightHidden, bias, nil, packed)
}

/// All steps of a simple recurrent network for the sorted rows `firstRow..<endRow` of a batch, with the rectifier if
/// `relu` and with tanh otherwise. Schedule, input, packed, hidden, scratch and output are as for `lstmForward`.
///
/// - keptOutput: [N, H]: the hidden state leaving the step, for `rnnBackward`, nil otherwise.
public func rnnForward(
  relu: Bool,
  firstRow: Int, endRow: Int, steps: Int, alive: UnsafePointer<Int>, offsets: UnsafePointer<Int>,
  positions: UnsafePointer<Int>, inputSize: Int, hiddenSize: Int, input: UnsafePointer<Float>, inputStride: Int,
  packed: UnsafePointer<Float>, hidden: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
  output: UnsafeMutablePointer<Float>?, outputStride: Int, keptOutput: UnsafeMutablePointer<Float>?
) {
  let schedule = Schedule(
    firstRow: firstRow, endRow: endRow, steps: steps, alive: alive, offsets: offsets, positions: positions)
  let memory = RecurrentMemory(
    schedule: schedule, inputSize: inputSize, hiddenSize: hiddenSize, paddedSize: paddedSize(hiddenSize), input: input,
    inputStride: inputStride, previous: hidden, next: scratch, cell: scratch, reset: scratch, output: output,
    outputStride: outputStride, keptGates: keptOutput, keptCell: nil)
  var sums = TileSums()
  if relu {
    sums.with { reluRNNForward(packed, memory, $0) }
  } else {
    sums.with { tanhRNNForward(packed, memory, $0) }
  }
}

@inline(never) func tanhRNNForward(_ packed: P, _ memory: RecurrentMemory, _ sums: M) {
  forward(TanhRNN.self, packed, memory, sums)
}

@inline(never) func reluRNNForward(_ packed: P, _ memory: RecurrentMemory, _ sums: M) {
  forward(ReluRNN.self, packed, memory, sums)
}

private enum TanhDerivative: Derivative {
  @inline(always) static func derive<let rows: Int>(_ memory: BackwardMemory, _ place: Place<rows>) {
    let h = memory.gate(0, place)
    memory.put(memory.gradient(place) * (1 - h * h), gate: 0, place)
  }
}

private enum ReluDerivative: Derivative {
  @inline(always) static func derive<let rows: Int>(_ memory: BackwardMemory, _ place: Place<rows>) {
    let h = memory.gate(0, place)
    memory.put(h.map(memory.gradient(place)) { choose($0 .<= splat(0), splat(0), $1) }, gate: 0, place)
  }
}

/// The way back through `rnnForward`, for the sorted rows `firstRow..<endRow` of the same schedule.
///
/// - packedTransposed: weightHidden [H, H] packed by `packPanels(depth: H, columns: H, rowStep: H, columnStep: 1)`.
/// - gates: [N, H]. In: `keptOutput`; out: the gradients of the pre-activations.
/// - dOutput: row n is H floats at dOutput[positions[n] · dOutputStride]; nil if only the final state has a gradient.
/// - dHidden: [rows, Hp] in sorted order, zero beyond H. In: the gradient of the final state; out: of the initial one.
///
/// No two buffers overlap.
public func rnnBackward(
  relu: Bool,
  firstRow: Int, endRow: Int, steps: Int, alive: UnsafePointer<Int>, offsets: UnsafePointer<Int>,
  positions: UnsafePointer<Int>, hiddenSize: Int, packedTransposed: UnsafePointer<Float>,
  gates: UnsafeMutablePointer<Float>, dOutput: UnsafePointer<Float>?, dOutputStride: Int,
  dHidden: UnsafeMutablePointer<Float>
) {
  let schedule = Schedule(
    firstRow: firstRow, endRow: endRow, steps: steps, alive: alive, offsets: offsets, positions: positions)
  let memory = BackwardMemory(
    hiddenSize: hiddenSize, paddedSize: paddedSize(hiddenSize), gates: gates, gateStride: hiddenSize,
    keptCell: nil, initial: nil, output: nil, outputStride: 0, dOutput: dOutput, dOutputStride: dOutputStride,
    dHidden: dHidden,
    dCell: dHidden)
  var step = steps
  while step > 0 {
    step &-= 1
    if relu {
      derive(ReluDerivative.self, step, schedule, memory)
    } else {
      derive(TanhDerivative.self, step, schedule, memory)
    }
    through(
      packedTransposed, blocks: 1, firstBlock: 0, gates: 0, to: 1, step, schedule, memory, accumulate: false, dHidden)
  }
}
