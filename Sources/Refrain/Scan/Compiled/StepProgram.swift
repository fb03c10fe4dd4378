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

/// One thing to do for the rows of a step.
struct StepInstruction {
  enum Code {
    /// target (+)= x · weight (+ bias): `first` and `second` are the arguments, `second` −1 if there is no bias.
    case product
    /// target (+)= x · weightᵀ, for the backward pass.
    case productBack
    case unary
    /// target = f′ of the function at x with the value y, times z.
    case unaryBack
    /// target = x op y; where a register does not exist, the argument `first` or `second` stands.
    case binary
    case copy
    /// target += x, −= x.
    case add, subtract
    /// The sums of the target += x, += x ⊙ y.
    case addToSums, addProductToSums
    case fill
    /// target[r] = the sum of x's row, of x's row times y's.
    case sumRow, dotRow
    /// target (+)= x with mean 0 and variance 1, times `first` plus `second`; y are the means, w the inverse
    /// deviations.
    case normalize
    /// target = the gradient by x of that, z being the one by the result; those of gain and shift are added to v and u.
    case normalizeBack
    /// x are the sums, y the state before, target the hidden state, z the cell state, w what is kept.
    case gates
    /// y the state before, w what is kept (out: the gradients of the sums), x and z the gradients of the hidden and the
    /// cell state (out: that of the state before).
    case gatesBack
    /// target (+)= the gradient of the outputs.
    case takeOutputGradient
  }

  var code: Code
  var operation = 0
  var x = Register.none
  var y = Register.none
  var z = Register.none
  var w = Register.none
  var v = Register.none
  var u = Register.none
  var target = Register.none
  var first = -1
  var second = -1
  var epsilon: Float = 0
  var accumulates = false
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
