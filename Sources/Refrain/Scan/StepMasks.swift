/// Changes to a recurrent state at each step of a scan: masks drawn before it, as values, so that every way of
/// computing the scan can be given the same.
public struct StepMasks: Sendable {
  /// The factors of the hidden state where it enters the recurrent products: `[B, H]`, in the schedule's order, the
  /// same at every step; 0 or 1 / (1 − rate).
  public var recurrent: Tensor?
  /// How much of the hidden state of the step before is kept: `[N, H]`, in packed rows, 1 or 0; or a scalar, the
  /// probability, at prediction.
  public var keptHidden: Tensor?
  /// The same of the cell state, in the shape of its rows.
  public var keptCell: Tensor?

  /// No masks.
  public init() {}

  /// One of the masks.
  package enum Kind: CaseIterable, Sendable {
    /// On the hidden state where it enters the recurrent products.
    case recurrent
    /// On how much of the hidden state is kept.
    case keptHidden
    /// On how much of the cell state is kept.
    case keptCell

    /// The tensor of the state that it acts on.
    var state: String { self == .keptCell ? "cell" : "hidden" }
  }

  subscript(kind: Kind) -> Tensor? {
    get {
      switch kind {
      case .recurrent: recurrent
      case .keptHidden: keptHidden
      case .keptCell: keptCell
      }
    }
    set {
      switch kind {
      case .recurrent: recurrent = newValue
      case .keptHidden: keptHidden = newValue
      case .keptCell: keptCell = newValue
      }
    }
  }

  var isEmpty: Bool { Kind.allCases.allSatisfy { self[$0] == nil } }

  /// Puts the kept part of the state before a step into the one after it: `rows` are the step's packed rows.
  @_semantics("optimize.sil.specialize.generic.never")
  func keep<State: TensorGroup>(_ before: State, in state: inout State, rows: Range<Int>) {
    var before = before.tensors[...]
    state.forEachTensor { name, tensor in
      let old = before.removeFirst()
      if let kept = kept(name, rows: rows) { tensor = kept * old + (1 - kept) * tensor }
    }
  }

  /// How much of the named tensor of a state is kept, for some packed rows.
  private func kept(_ name: String, rows: Range<Int>) -> Tensor? {
    let kept =
      switch name {
      case "hidden": keptHidden
      case "cell": keptCell
      default: Tensor?.none
      }
    return kept.map { $0.rank == 0 ? $0 : $0.slice(rows, axis: 0) }
  }
}

extension RecurrentCell {
  /// One step under masks: `rows` are the step's packed rows.
  func step(_ projected: Tensor, _ state: State, under masks: StepMasks, rows: Range<Int>) -> State {
    var next =
      if let mask = masks.recurrent, let hidden = state.tensor("hidden") {
        step(projected, state, seeing: hidden * mask.slice(0..<rows.count, axis: 0))
      } else {
        step(projected, state)
      }
    masks.keep(state, in: &next, rows: rows)
    return next
  }
}
