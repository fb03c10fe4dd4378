import RefrainKernels

// A traced step as a list of instructions on memory that is laid out once: no tensor is made while it runs, sums are
// accumulated where they are wanted, slices and parts of what is joined are views, and what a step does not need again
// lies in the processor's cache. `StepCompiler` makes it, `StepRun` runs it.

/// Some columns of a buffer: a value of every row.
struct Register: Equatable {
  var buffer: Int
  var column: Int
  var width: Int

  /// No register.
  static let none = Register(buffer: -1, column: 0, width: 0)
  var exists: Bool { buffer >= 0 }

  /// Some of its columns.
  func columns(_ range: Range<Int>) -> Register {
    Register(buffer: buffer, column: column + range.lowerBound, width: range.count)
  }
}

/// Memory with a row for every row of the batch, or for every packed row.
struct StepBuffer {
  enum Extent: Equatable {
    /// For the step alone.
    case step
    /// For all steps.
    case kept
    /// Sums over all steps, one for some rows (`StepMemory.rowsPerSum`).
    case sums
    /// For this step and the one before it, or after it.
    case pair
    /// The other half of a pair: `of` is the buffer.
    case otherOfPair(of: Int)
    /// The values entering a step: those that left the one before it, or at first the initial ones.
    case entering(state: Int)
    /// Values that are the same at every step: a mask.
    case fixed(mask: Int)
    /// Values given for every packed row: a mask.
    case given(mask: Int)
  }

  /// Floats from row to row.
  var stride: Int
  var extent: Extent
}

/// What every row has of its own, or what all rows have in common.
enum StepSource {
  /// A value of every row.
  case rows(Register)
  /// An argument, by its number: as wide as the result, or one number.
  case argument(Int)

  var register: Register? { if case .rows(let register) = self { register } else { nil } }
}

/// What is done to all rows of a step.
///
/// A target that `accumulates` is added to, any other is overwritten.
enum StepInstruction {
  /// x · weight (+ bias), weight and bias being arguments.
  case product(Register, weight: Int, bias: Int?, to: Register, accumulates: Bool)
  /// x · weightᵀ, for the backward pass.
  case productBackward(Register, weight: Int, to: Register, accumulates: Bool)
  case unary(UnaryOperation, Register, to: Register)
  /// f′ of the function at its operand, with its result, times the gradient by that.
  case unaryBackward(UnaryOperation, operand: Register, result: Register, gradient: Register, to: Register)
  case binary(BinaryOperation, StepSource, StepSource, to: Register)
  /// What is left of each value above the whole number below it.
  case fraction(Register, to: Register)
  /// Where the first is not 0 the second, elsewhere the third.
  case select(StepSource, StepSource, StepSource, to: Register)
  case copy(Register, to: Register)
  case add(Register, to: Register)
  case subtract(Register, from: Register)
  case fill(Float, to: Register)
  /// Adds rows to the sums over all steps.
  case addToSums(Register, sums: Register)
  /// Adds products of rows to the sums over all steps.
  case addProductToSums(Register, Register, sums: Register)
  /// The sum of every row.
  case sumRow(Register, to: Register)
  /// The sum of every row's products with another.
  case dotRow(Register, Register, to: Register)
  case normalize(StepNormalization, to: Register, accumulates: Bool)
  /// From the gradient by the result that by the operand; those of gain and shift are added to sums over all steps.
  case normalizeBackward(
    StepNormalization, gradient: Register, gainSums: Register, shiftSums: Register?, to: Register)
  case gates(StepGates)
  /// Turns the gradients by the hidden state and by the state that the gates carry on, where they lie: into nothing of
  /// use, and into that by the state before. What the gates kept becomes the gradient of the sums.
  case gatesBackward(StepGates, kept: Register, hidden: Register, state: Register)
  /// The gradient of the outputs.
  case takeOutputGradient(to: Register, accumulates: Bool)
}

/// A layer normalization in a step.
struct StepNormalization {
  var operand: Register
  /// Arguments.
  var gain: Int
  var shift: Int
  var epsilon: Float
  /// Of every row its mean, and one over its deviation.
  var means: Register
  var deviations: Register
}

/// The gates of a step.
struct StepGates {
  var kind: RecurrentKind
  var sums: Register
  /// The state before that they need.
  var before: Register
  var hidden: Register
  /// The cell state, where there is one.
  var cell: Register?
  /// What the backward pass reads.
  var kept: Register?
}

/// How the gradient of an argument is found once all steps are done.
enum ArgumentGradient {
  /// dzᵀ · x, and with a bias the sum of dz's rows.
  case weight(argument: Int, bias: Int?, x: Register, dz: Register)
  /// ± the sum of the rows of sums.
  case sum(argument: Int, sums: Register, isNegative: Bool)
}

/// A step to be run along a schedule.
struct StepProgram {
  /// What is no value of a row: computed once from the cell's tensors, or brought along.
  enum Argument {
    case value(Int)
    case constant(Tensor)
  }

  /// The operations that make arguments of the cell's tensors.
  var prelude: [Trace.Node] = []
  /// The number of values of the trace, and of its inputs those of rows.
  var valueCount = 0
  var rowInputs = 0
  var arguments: [Argument] = []
  /// Which arguments are weights of a product.
  var weights: Set<Int> = []
  var buffers: [StepBuffer] = []
  var forward: [StepInstruction] = []
  var backward: [StepInstruction] = []
  var argumentGradients: [ArgumentGradient] = []
  /// Where the input of a step goes.
  var input = Register.none
  /// What the cell shows.
  var output = Register.none
  /// The states after the step.
  var states: [Register] = []
  /// The gradient of the states after the step, and of those before it, to be exchanged.
  var carried: [Register] = []
  /// The gradient of the input, if it is wanted.
  var inputGradient = Register.none
}
