// The arguments of the kernels of losses over whole sequences.

/// The forward-backward algorithm of connectionist temporal classification over one sequence, in log space. A row of
/// the states' values stands two floats behind the start of `stride` floats, and has at least two floats behind it.
public struct CTCArguments {
  /// The steps of the sequence.
  public var steps: Int
  /// S = 2U + 1 states of U labels.
  public var states: Int
  /// The floats from row to row.
  public var stride: Int
  /// `[steps, stride]`, the log-probability of each state's symbol.
  public var emissions: UnsafePointer<Float>
  /// `[stride]`, what it costs to come to state s from s − 2: 0, or a number below −1e29 where s is a blank or repeats
  /// the label before it.
  public var skips: UnsafePointer<Float>
  /// `[steps, stride]`: the forward variables, and after them the probabilities of the states.
  public var alphas: UnsafeMutablePointer<Float>
  /// `[steps]`, written: the greatest value of each row of the forward variables.
  public var maxima: UnsafeMutablePointer<Float>
  /// `[2, stride]`, for the backward variables; filled with −1e30 before.
  public var scratch: UnsafeMutablePointer<Float>

  /// A sequence; the properties say the shapes.
  public init(
    steps: Int, states: Int, stride: Int, emissions: UnsafePointer<Float>, skips: UnsafePointer<Float>,
    alphas: UnsafeMutablePointer<Float>, maxima: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    self.steps = steps
    self.states = states
    self.stride = stride
    self.emissions = emissions
    self.skips = skips
    self.alphas = alphas
    self.maxima = maxima
    self.scratch = scratch
  }
}
