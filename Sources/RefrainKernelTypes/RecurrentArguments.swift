// The arguments of the recurrent kernels. These types, as those of the other kernels, stand in a module of their own
// because the kernels are compiled once for each instruction set, and every compilation must mean the same by them.
// Nothing here is compiled with vector instructions. (So the kernels read them, and make none themselves.)
//
// H is the hidden size, Hp that padded to whole vectors (`paddedSize`), I the input size, N the number of packed rows.
// No two buffers of a call overlap unless it says so.

/// The steps of a batch. Its rows are sorted by length, longest first, so that at step s the rows 0 ..< alive[s] are
/// alive. Packed row n = offsets[s] + r is row r at step s; positions[n] is the row of the caller's input and output
/// matrices that it reads and writes.
public struct KernelSchedule {
  /// The number of steps.
  public var steps: Int
  /// `[steps]`
  public var alive: UnsafePointer<Int>
  /// `[steps]`
  public var offsets: UnsafePointer<Int>
  /// `[N]`
  public var positions: UnsafePointer<Int>

  /// A schedule; the properties say the shapes.
  public init(
    steps: Int, alive: UnsafePointer<Int>, offsets: UnsafePointer<Int>, positions: UnsafePointer<Int>
  ) {
    self.steps = steps
    self.alive = alive
    self.offsets = offsets
    self.positions = positions
  }
}

/// Masks on the state of a scan.
public struct KernelMasks {
  /// `[rows, Hp]` in sorted order, zero beyond H: the factor of the hidden state where it enters the products; nil
  /// means 1.
  public var dropout: UnsafePointer<Float>?
  /// How much of the hidden state before each step is kept, rows `[N, H]`; nil means nothing.
  public var keptHidden: UnsafePointer<Float>?
  /// The same of the cell state.
  public var keptCell: UnsafePointer<Float>?
  /// The floats from row to row of these two; 0 where all rows are the same one.
  public var keptStride: Int
  /// `[3, rows, Hp]`; calls for different rows of one batch share it.
  public var scratch: UnsafeMutablePointer<Float>

  /// Masks; the properties say the shapes.
  public init(
    dropout: UnsafePointer<Float>?, keptHidden: UnsafePointer<Float>?, keptCell: UnsafePointer<Float>?,
    keptStride: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    self.dropout = dropout
    self.keptHidden = keptHidden
    self.keptCell = keptCell
    self.keptStride = keptStride
    self.scratch = scratch
  }
}

/// How the forward kernel reads a cell's weights.
public enum RecurrentWeightFormat: Sendable {
  /// As floats.
  case floats
  /// The recurrent ones as bytes, those of the input as floats.
  case hiddenBytes
  /// All as bytes.
  case bytes
  /// The recurrent ones as bfloat16, those of the input as floats.
  case hiddenBFloat16
  /// All as bfloat16.
  case bfloat16
}

/// Weights that are bytes times the scale of their row, or bfloat16.
public struct RecurrentScales {
  /// What multiplies them.
  public var kernels: any QuantizedKernels.Type
  /// Which of them are; not `floats`.
  public var format: RecurrentWeightFormat
  /// `[G · H]`, of the input weights; nil where these are no bytes.
  public var input: UnsafePointer<Float>?
  /// `[G · H]`, of the recurrent weights; nil where these are no bytes.
  public var hidden: UnsafePointer<Float>?

  /// Scales; the properties say the shapes.
  public init(
    kernels: any QuantizedKernels.Type, format: RecurrentWeightFormat, input: UnsafePointer<Float>?,
    hidden: UnsafePointer<Float>?
  ) {
    self.kernels = kernels
    self.format = format
    self.input = input
    self.hidden = hidden
  }
}

/// What a forward scan needs besides where its weights are bytes or bfloat16.
public struct RecurrentBytes {
  /// What multiplies them.
  public var kernels: any QuantizedKernels.Type
  /// Which of them are; not `floats`.
  public var format: RecurrentWeightFormat
  /// The rows of the input's matrix, as `quantizeRows` wrote them; nil where the input weights are floats.
  public var input: UnsafeRawPointer?
  /// The scales of these rows.
  public var inputScales: UnsafePointer<Float>
  /// Scratch of `[rows, quantizedRowSize(H)]` bytes; calls for different rows of one batch share it.
  public var state: UnsafeMutableRawPointer
  /// Scratch of `[rows]`.
  public var stateScales: UnsafeMutablePointer<Float>

  /// Memory; the properties say the shapes.
  public init(
    kernels: any QuantizedKernels.Type, format: RecurrentWeightFormat, input: UnsafeRawPointer?,
    inputScales: UnsafePointer<Float>, state: UnsafeMutableRawPointer, stateScales: UnsafeMutablePointer<Float>
  ) {
    self.kernels = kernels
    self.format = format
    self.input = input
    self.inputScales = inputScales
    self.state = state
    self.stateScales = stateScales
  }
}

/// The weights of a cell, to be packed for `recurrentForward`.
public struct RecurrentPackArguments {
  /// The raw value of a `RecurrentKind`.
  public var kind: Int
  /// I
  public var inputSize: Int
  /// H
  public var hiddenSize: Int
  /// `[G · H, I]`, the gates' blocks of rows in the order that the kernel's file gives.
  public var weightInput: UnsafePointer<Float>
  /// `[G · H, H]`
  public var weightHidden: UnsafePointer<Float>
  /// `[G · H]`: the sum of both biases, if there are two, but for the GRU's n: the input's.
  public var bias: UnsafePointer<Float>
  /// `[H]`, of the GRU: b_hn.
  public var stateBias: UnsafePointer<Float>?
  /// Of weights that are bytes or bfloat16; nil where they are floats.
  public var scales: RecurrentScales?
  /// `recurrentPackedSize` floats, written.
  public var packed: UnsafeMutablePointer<Float>

  /// Weights; the properties say the shapes.
  public init(
    kind: Int, inputSize: Int, hiddenSize: Int, weightInput: UnsafePointer<Float>,
    weightHidden: UnsafePointer<Float>, bias: UnsafePointer<Float>, stateBias: UnsafePointer<Float>?,
    scales: RecurrentScales? = nil, packed: UnsafeMutablePointer<Float>
  ) {
    self.kind = kind
    self.inputSize = inputSize
    self.hiddenSize = hiddenSize
    self.weightInput = weightInput
    self.weightHidden = weightHidden
    self.bias = bias
    self.stateBias = stateBias
    self.scales = scales
    self.packed = packed
  }
}

/// A forward scan of a cell.
public struct RecurrentForwardArguments {
  /// The raw value of a `RecurrentKind`.
  public var kind: Int
  /// The rows of the whole batch.
  public var rows: Int
  /// The steps.
  public var schedule: KernelSchedule
  /// I
  public var inputSize: Int
  /// H
  public var hiddenSize: Int
  /// Row n of the batch is I floats at `input[positions[n] · inputStride]`.
  public var input: UnsafePointer<Float>
  /// The floats from row to row of the input.
  public var inputStride: Int
  /// The weights from `recurrentPack`.
  public var packed: UnsafePointer<Float>
  /// `[k, Hp]`, the factors unit by unit; nil if the cell has none.
  public var parameters: UnsafePointer<Float>?
  /// `[rows, Hp]` in sorted order, zero beyond H. In: the initial state; out: that after each row's last step (a row of
  /// no steps keeps its own).
  public var hidden: UnsafeMutablePointer<Float>
  /// The same of the cell state; a cell without one does not touch it.
  public var cell: UnsafeMutablePointer<Float>
  /// `[3, rows, Hp]`, of cells of a single stage `[1, rows, Hp]`; calls for different rows of one batch share it.
  public var scratch: UnsafeMutablePointer<Float>
  /// Row n is H floats at `output[positions[n] · outputStride]`, written; nil if only the states are wanted.
  public var output: UnsafeMutablePointer<Float>?
  /// The floats from row to row of the output.
  public var outputStride: Int
  /// `[N, kept · H]`, written: the gates after their functions, as the kernel's file lists them; nil if they are not
  /// wanted.
  public var keptGates: UnsafeMutablePointer<Float>?
  /// `[N, H]`, written: the cell state entering each step; nil with the gates.
  public var keptCell: UnsafeMutablePointer<Float>?
  /// The masks on the state; nil if there are none.
  public var masks: KernelMasks?
  /// What is needed besides where weights are bytes or bfloat16; nil where they are floats.
  public var bytes: RecurrentBytes?

  /// A scan; the properties say the shapes.
  public init(
    kind: Int, rows: Int, schedule: KernelSchedule, inputSize: Int, hiddenSize: Int, input: UnsafePointer<Float>,
    inputStride: Int, packed: UnsafePointer<Float>, parameters: UnsafePointer<Float>?,
    hidden: UnsafeMutablePointer<Float>, cell: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    output: UnsafeMutablePointer<Float>?, outputStride: Int, keptGates: UnsafeMutablePointer<Float>?,
    keptCell: UnsafeMutablePointer<Float>?, masks: KernelMasks?, bytes: RecurrentBytes? = nil
  ) {
    self.kind = kind
    self.rows = rows
    self.schedule = schedule
    self.inputSize = inputSize
    self.hiddenSize = hiddenSize
    self.input = input
    self.inputStride = inputStride
    self.packed = packed
    self.parameters = parameters
    self.hidden = hidden
    self.cell = cell
    self.scratch = scratch
    self.output = output
    self.outputStride = outputStride
    self.keptGates = keptGates
    self.keptCell = keptCell
    self.masks = masks
    self.bytes = bytes
  }
}

/// One stage of one step of a forward scan, for threads that share a step by its units and meet after each stage. It
/// goes with the arguments of the scan, of which `hidden`, `scratch` and `masks` are not read.
public struct RecurrentStageArguments {
  /// The stage, from 0.
  public var stage: Int
  /// The step of the schedule.
  public var step: Int
  /// `[rows, Hp]`, the hidden state entering the step.
  public var previous: UnsafeMutablePointer<Float>
  /// `[rows, Hp]`, written: the one leaving it. The caller exchanges the two.
  public var next: UnsafeMutablePointer<Float>
  /// `[2, rows, Hp]`, of cells of two stages.
  public var scratch: UnsafeMutablePointer<Float>

  /// A stage; the properties say the shapes.
  public init(
    stage: Int, step: Int, previous: UnsafeMutablePointer<Float>, next: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    self.stage = stage
    self.step = step
    self.previous = previous
    self.next = next
    self.scratch = scratch
  }
}

/// The backward pass through a forward scan.
public struct RecurrentBackwardArguments {
  /// The raw value of a `RecurrentKind`.
  public var kind: Int
  /// The rows of the whole batch.
  public var rows: Int
  /// The steps.
  public var schedule: KernelSchedule
  /// H
  public var hiddenSize: Int
  /// The recurrent weights `[G · H, H]`, packed by `packPanels` with a depth of G · H, H columns, a row step of H and a
  /// column step of 1.
  public var packedTransposed: UnsafePointer<Float>
  /// `[k, Hp]`, as in the forward scan.
  public var parameters: UnsafePointer<Float>?
  /// `[N, kept · H]`. In: the kept gates; out: the gradients of the sums before the gates' functions, unless the
  /// kernel's file says more. (The gradients of weights, biases and inputs are products of these.)
  public var gates: UnsafeMutablePointer<Float>
  /// `[N, H]`, from the forward scan.
  public var keptCell: UnsafePointer<Float>
  /// `[rows, Hp]` in sorted order, the hidden state before the first step.
  public var initial: UnsafePointer<Float>
  /// The outputs of the forward scan, row n at `output[positions[n] · outputStride]`.
  public var output: UnsafePointer<Float>
  /// The floats from row to row of the output.
  public var outputStride: Int
  /// Row n is H floats at `outputGradient[positions[n] · outputGradientStride]`; nil if only the final state has a
  /// gradient.
  public var outputGradient: UnsafePointer<Float>?
  /// The floats from row to row of the output's gradient.
  public var outputGradientStride: Int
  /// `[rows, Hp]` in sorted order, zero beyond H. In: the gradient of the final hidden state; out: of the initial one.
  public var hiddenGradient: UnsafeMutablePointer<Float>
  /// The same of the cell state.
  public var cellGradient: UnsafeMutablePointer<Float>
  /// `[rows, Hp]`, of cells of two stages; calls for different rows of one batch share it.
  public var scratch: UnsafeMutablePointer<Float>
  /// The masks of the forward scan. The hidden state entering each step is then, for the gradient of the recurrent
  /// weights, that after dropout.
  public var masks: KernelMasks?

  /// A backward pass; the properties say the shapes.
  public init(
    kind: Int, rows: Int, schedule: KernelSchedule, hiddenSize: Int, packedTransposed: UnsafePointer<Float>,
    parameters: UnsafePointer<Float>?, gates: UnsafeMutablePointer<Float>, keptCell: UnsafePointer<Float>,
    initial: UnsafePointer<Float>, output: UnsafePointer<Float>, outputStride: Int,
    outputGradient: UnsafePointer<Float>?, outputGradientStride: Int, hiddenGradient: UnsafeMutablePointer<Float>,
    cellGradient: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, masks: KernelMasks?
  ) {
    self.kind = kind
    self.rows = rows
    self.schedule = schedule
    self.hiddenSize = hiddenSize
    self.packedTransposed = packedTransposed
    self.parameters = parameters
    self.gates = gates
    self.keptCell = keptCell
    self.initial = initial
    self.output = output
    self.outputStride = outputStride
    self.outputGradient = outputGradient
    self.outputGradientStride = outputGradientStride
    self.hiddenGradient = hiddenGradient
    self.cellGradient = cellGradient
    self.scratch = scratch
    self.masks = masks
  }
}
