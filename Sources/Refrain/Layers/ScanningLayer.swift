/// Which outputs of a recurrent layer go on to the next layer.
public enum Returning: String, Codable, Sendable, CaseIterable {
  /// The output at every step, `[B, T, H]`; zero past a sequence's length.
  case everyStep
  /// The output at each sequence's last valid step, `[B, H]`.
  case lastStep
}

/// Where a recurrent layer begins when it is given no state.
public enum InitialState: String, CellOptions, CaseIterable {
  /// From the cell's own initial state: zeros, unless the cell says otherwise.
  case fixed
  /// From a state that is learned with the weights, one for all sequences; at first it is the fixed one.
  case learned

  /// The cell's own.
  public init() { self = .fixed }
}

/// A layer that carries a state through time, whatever a step of it looks like.
public protocol ScanningLayer: SteppingLayer where Memory == State {
  /// What it carries from one step, and from one batch, to the next.
  associatedtype State: TensorGroup

  /// Which outputs go on.
  var returning: Returning { get }

  /// All outputs `[B, T, …]` and the state after each sequence's last valid step.
  ///
  /// - Parameters:
  ///   - input: `[B, T, …]`; `[T, B, …]` where `steps` say so, and then the outputs are `[T, B, …]`; or one sequence
  ///     `[T, …]`, whose outputs are `[T, …]` and whose state has one row.
  ///   - steps: lengths, gaps, resets and the layout.
  ///   - state: the state before the first step; nil means the layer's own.
  func scan(_ input: Tensor, steps: Steps, from state: State?) -> (outputs: Tensor, state: State)

  /// What is shown at the last valid step of each sequence, `[B, …]`.
  func lastOutput(_ state: State) -> Tensor
}

extension ScanningLayer {
  /// All outputs `[B, T, …]` and the state after each sequence's last valid step.
  ///
  /// - Parameters:
  ///   - input: `[B, T, …]`, or one sequence `[T, …]`.
  ///   - lengths: the valid steps of each sequence; nil means all T.
  ///   - state: the state before the first step; nil means the layer's own, zeros unless it is learned.
  public func scan(
    _ input: Tensor, lengths: [Int]? = nil, from state: State? = nil
  ) -> (outputs: Tensor, state: State) {
    scan(input, steps: Steps(lengths: lengths), from: state)
  }

  /// All outputs and the state after each sequence's last valid step, from the layer's own initial state.
  public func scan(_ input: Tensor, steps: Steps) -> (outputs: Tensor, state: State) {
    scan(input, steps: steps, from: nil)
  }

  /// The outputs of every step, or of each sequence's last valid one; of one sequence `[T, …]` without the batch axis.
  public func callAsFunction(_ input: StepValues) -> StepValues {
    StepValues(
      shown(scan(input.values, steps: input.steps, from: nil)), steps: returning == .lastStep ? Steps() : input.steps)
  }

  /// The output for the next part of sequences of which `memory` knows the parts before.
  public func callAsFunction(_ part: Tensor, steps: Steps, memory: inout State) -> Tensor {
    let result = scan(part, steps: steps, from: memory)
    memory = result.state
    return shown(result)
  }

  private func shown(_ result: (outputs: Tensor, state: State)) -> Tensor {
    if returning == .everyStep { return result.outputs }
    let last = lastOutput(result.state)
    // Outputs [B, T, …] have an axis more than the last ones [B, …]; those of one sequence [T, …] have not.
    return result.outputs.rank == last.rank ? last.at(0, axis: 0) : last
  }
}

/// A layer that goes through time with a cell, alone or as one of a ``Stacked`` stack.
public protocol RecurrentLayer: ScanningLayer {
  /// What its cell has to be told besides its sizes.
  associatedtype Options: CellOptions

  /// What the last column of the input is to its cells, ``RecurrentCell/lastColumn``; nil when it is a value.
  static var lastColumn: String? { get }

  /// How it is regularized.
  var regularization: Regularization { get set }
  /// The size **H** of what a cell shows.
  var hiddenSize: Int { get }
  /// What its cell was told besides its sizes.
  var options: Options { get }
  /// Where it begins when it is given no state.
  var initial: InitialState { get }

  /// A level of a stack.
  init(_ hiddenSize: Int, returning: Returning, options: Options, initial: InitialState)

  /// Visits the tensors under PyTorch's names for level `level` of a stack: `weight_ih_l0`, ….
  mutating func forEachTensor<E: Error>(
    level: Int, _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E)
}

extension RecurrentLayer {
  /// A level of a stack that begins with the cell's own state.
  public init(_ hiddenSize: Int, returning: Returning, options: Options) {
    self.init(hiddenSize, returning: returning, options: options, initial: .fixed)
  }

  /// The layer with another regularization.
  public func regularized(by regularization: Regularization) -> Self {
    var copy = self
    copy.regularization = regularization
    return copy
  }
}
