import RefrainData
import RefrainTasks

/// The amount of a change of examples as a parameter of a search: `augment.noise` is that of `--augment noise=…`.
struct AugmentationParameter {
  let kind: Augmentation.Kind

  private static let start = RegularizationOptions.augment + "."

  /// nil for a name that is none.
  init?(_ name: String) {
    guard name.hasPrefix(Self.start), let kind = Augmentation.Kind(rawValue: String(name.dropFirst(Self.start.count)))
    else { return nil }
    self.kind = kind
  }

  /// The name of the parameter of a kind.
  static func name(of kind: Augmentation.Kind) -> String { start + kind.rawValue }

  /// What the option says with an amount.
  func text(_ amount: String) -> String { "\(kind.rawValue)=\(amount)" }

  /// What all values of a trial say of changes, with what is given; nil where they say nothing.
  static func text(_ values: [String: String], given: String? = nil) -> String? {
    let amounts = values.sorted { $0.key < $1.key }.compactMap { name, text in AugmentationParameter(name)?.text(text) }
    let named = values[RegularizationOptions.augment] ?? given
    guard !amounts.isEmpty || named != nil else { return nil }
    let all = (named.map { $0.lowercased() == "none" ? [] : [$0] } ?? []) + amounts
    return all.isEmpty ? "none" : all.joined(separator: ",")
  }
}

extension Tuner {
  /// How a trial is regularized: as is given, with what its values say.
  ///
  /// - Throws: `OptionError` where a text makes no sense, or a change of examples does not fit the task.
  public func regularization(of values: [String: String]) throws(OptionError) -> RegularizationOptions {
    let names = Set(TaskRegularization<Task>.options.map(\.name))
    var texts = regularizers
    for (name, text) in values where names.contains(name) { texts[name] = [text] }
    texts[RegularizationOptions.augment] = AugmentationParameter.text(values, given: givenChanges).map { [$0] }
    let options = try TaskRegularization<Task>(texts).values
    try options.check(for: Task.self)
    return options
  }
}
