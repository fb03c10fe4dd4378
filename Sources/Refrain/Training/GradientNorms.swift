/// Keeps the Euclidean norm of the gradient of each tensor at the last update, before clipping: over time they show
/// where gradients vanish or explode.
///
/// It changes nothing. An exchange that is not asked for its norms costs one pass over the gradient an update.
public final class GradientNorms: GradientExchange {
  /// The norm under each tensor's name, in the order of the walk; empty before the first update.
  public private(set) var norms: [(name: String, norm: Float)] = []
  /// For each tensor of two axes, and each of its rows, whether it had a gradient other than 0 since
  /// ``forgetRows()``.
  private(set) var usedRows: [String: [Bool]] = [:]
  private let every: Int
  /// Names are made once: an update of a small network takes no longer than making them.
  private var names: [String] = []

  /// - Parameter every: after how many updates each they are measured.
  public init(every: Int = 1) {
    require(every > 0, "gradients are measured every 1, 2, … updates, not every \(every)")
    self.every = every
  }

  /// The norm of all gradients together; nil before the first update.
  public var total: Float? {
    norms.isEmpty ? nil : Float(norms.reduce(0.0) { $0 + Double($1.norm) * Double($1.norm) }.squareRoot())
  }

  public func exchange<G: TensorGroup>(_ gradient: inout G, in step: inout GradientStep) {
    guard step.step % every == 0 else { return }
    let tensors = gradient.tensors
    if names.count != tensors.count { names = gradient.namedTensors.map(\.name) }
    norms = zip(names, tensors).map { ($0, $1.globalNorm) }
    for (name, tensor) in zip(names, tensors) where tensor.rank == 2 && tensor.sparseRows == nil {
      let (rows, columns) = (tensor.shape[0], tensor.shape[1])
      var used = usedRows[name] ?? Array(repeating: false, count: rows)
      tensor.read { values in
        for row in 0..<rows where !used[row] {
          used[row] = (0..<columns).contains { values[row * columns + $0] != 0 }
        }
      }
      usedRows[name] = used
    }
  }

  /// Begins to look anew for rows without a gradient.
  func forgetRows() { usedRows = [:] }
}
