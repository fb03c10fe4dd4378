import Refrain
import RefrainData

/// A cell that a config has chosen, with its options.
private protocol ChosenKerasCell {
  func layer(_ units: Int, _ returning: Returning, _ direction: Direction, _ regularization: Regularization)
    -> any Layer
  func bidirectional(
    _ units: Int, _ returning: Returning, _ merge: Merge, _ regularization: Regularization
  ) -> any Layer
}

private struct ChosenCell<Cell: KerasCell>: ChosenKerasCell {
  var options = Cell.Options()

  func layer(
    _ units: Int, _ returning: Returning, _ direction: Direction, _ regularization: Regularization
  ) -> any Layer {
    Recurrent<Cell>(units, returning: returning, direction: direction, options: options)
      .regularized(by: regularization)
  }

  func bidirectional(
    _ units: Int, _ returning: Returning, _ merge: Merge, _ regularization: Regularization
  ) -> any Layer {
    Bidirectional<Cell>(units, returning: returning, merge: merge, options: options).regularized(by: regularization)
  }
}

// Recurrent layers from what a config says of them.

extension KerasOptions {
  /// What every recurrent layer may say; the direction and what goes on.
  mutating func readPassage() -> (returning: Returning, direction: Direction) {
    if flag("stateful") { remark("stateful: here every run begins with zeros") }
    expect("return_state", false)
    expect("time_major", false)
    return (
      flag("return_sequences") ? .everyStep : .lastStep, flag("go_backwards") ? .backward : .forward
    )
  }

  /// The cell of a layer's or a cell's class; nil, and a note, where there is none.
  private mutating func cell(of kerasClass: String) -> (any ChosenKerasCell)? {
    switch kerasClass {
    case "LSTM", "LSTMCell", "CuDNNLSTM":
      let (gates, function) = (self.function("recurrent_activation", default: .sigmoid), self.function(default: .tanh))
      if isUsual(gates, function) { return ChosenCell<LSTMCell>() }
      return ChosenCell<GeneralLSTMCell>(options: .init(gates: gates, candidate: function, output: function))
    case "GRU", "GRUCell", "CuDNNGRU":
      let resetsAfter = flag("reset_after", default: true)
      let (gates, function) = (self.function("recurrent_activation", default: .sigmoid), self.function(default: .tanh))
      if !isUsual(gates, function) {
        return ChosenCell<GeneralGRUCell>(
          options: .init(gates: gates, candidate: function, resetsAfter: resetsAfter))
      }
      return resetsAfter ? ChosenCell<GRUCell>() : ChosenCell<GRUResetBeforeCell>()
    case "SimpleRNN", "SimpleRNNCell":
      let function = self.function(default: .tanh)
      switch function.activation {
      case .tanh: return ChosenCell<TanhRNNCell>()
      case .relu: return ChosenCell<ReLURNNCell>()
      default: return ChosenCell<GeneralRNNCell>(options: .init(function: function))
      }
    default:
      note("Refrain has no such recurrent layer")
      return nil
    }
  }

  private func isUsual(_ gates: ActivationFunction, _ function: ActivationFunction) -> Bool {
    gates == ActivationFunction(.sigmoid) && function == ActivationFunction(.tanh)
  }

  private mutating func regularization() -> Regularization {
    Regularization(inputDropout: rate("dropout"), recurrentDropout: rate("recurrent_dropout"))
  }

  /// The cells of a layer: its own, the one that an `RNN` is given, or several of them one on another.
  private mutating func cells(_ kerasClass: String) -> [(cell: KerasOptions, kerasClass: String, path: String)] {
    guard kerasClass == "RNN" else { return [(self, kerasClass, "")] }
    let given = self["cell"]
    let name = given["class_name"].string ?? "?"
    guard name == "StackedRNNCells" || given.array != nil else {
      return [(KerasOptions("\(layer) of \(name)", given["config"], version: version), name, "")]
    }
    expect("reverse_state_order", false)
    var names = KerasNames()
    return (given.array ?? given["config"]["cells"].array ?? []).map { cell in
      let name = cell["class_name"].string ?? "?"
      return (
        KerasOptions("\(layer) of \(name)", cell["config"], version: version), name, "cell/cells/" + names.next(name)
      )
    }
  }

  mutating func makeRecurrent(_ kerasClass: String) -> [KerasPart]? {
    let (returning, direction) = readPassage()
    let cells = cells(kerasClass)
    var parts: [KerasPart] = []
    for (index, part) in cells.enumerated() {
      var options = part.cell
      let (units, regularization) = (options.size("units"), options.regularization())
      let cell = options.cell(of: part.kerasClass)
      if kerasClass == "RNN" { add(options) } else { self = options }
      guard let cell else { return nil }
      let isLast = index == cells.count - 1
      parts.append(
        KerasPart(
          layer: cell.layer(units, isLast ? returning : .everyStep, direction, regularization), path: part.path,
          hasBias: options.flag("use_bias", default: true), isCell: !part.path.isEmpty))
    }
    guard !parts.isEmpty else {
      note("it has no cells")
      return nil
    }
    // Keras leaves the steps in the order in which they were taken.
    if returning == .everyStep, direction == .backward { parts.append(KerasPart(layer: TimeReversal())) }
    return parts
  }

  mutating func makeBidirectional() -> [KerasPart]? {
    let inner = self["layer"]["class_name"].string ?? "?"
    var options = KerasOptions(inner, self["layer"]["config"], version: version)
    let (returning, _) = options.readPassage()
    options.expect("go_backwards", false)
    let cells = options.cells(inner)
    guard cells.count == 1, var cell = cells.first?.cell else {
      options.note("both directions of several cells one on another are no layer of Refrain's")
      add(options)
      return nil
    }
    let (units, regularization) = (cell.size("units"), cell.regularization())
    let chosen = cell.cell(of: cells[0].kerasClass)
    // Where the cell is the layer's own, its options have noted what theirs had.
    if inner == "RNN" { add(options) }
    add(cell)
    expectSameBackward()
    let merge = Merge.allCases.first { $0.kerasName != nil && $0.kerasName == self["merge_mode"].string }
    if merge == nil { note("merge_mode is \(String(self["merge_mode"].text.prefix(40))), which Refrain has not") }
    return chosen.map {
      [
        KerasPart(
          layer: $0.bidirectional(units, returning, merge ?? .concatenate, regularization),
          hasBias: cell.flag("use_bias", default: true))
      ]
    }
  }

  /// Both directions must be alike but for the direction.
  private mutating func expectSameBackward() {
    let (forward, backward) = (self["layer"], self["backward_layer"])
    guard backward != .null else { return }
    let names = [
      "units", "return_sequences", "activation", "recurrent_activation", "use_bias", "reset_after", "dropout",
      "recurrent_dropout", "stateful", "return_state",
    ]
    let differing = names.filter { forward["config"][$0] != backward["config"][$0] }
    if !differing.isEmpty || forward["class_name"] != backward["class_name"] {
      note("its directions differ\(differing.isEmpty ? "" : " in " + differing.joined(separator: ", "))")
    }
    if backward["config"]["go_backwards"] != true { note("its backward layer does not go backwards") }
  }
}
