import Refrain

/// Changes that are made to examples together; see ``Augmentation``.
///
///     let changes = try Augmentations("noise=0.1,scaling")
///     …
///     let seen = changes.whileTraining(batch) { changes, batch, generator in
///       changes.changed(series: batch, channels: 3, using: &generator)
///     }
public struct Augmentations: Codable, Sendable, Equatable {
  /// The changes, each kind once. Those of the amount 0 do nothing, where something is usual besides.
  public let all: [Augmentation]

  /// Changes; of one kind the first counts.
  public init(_ all: [Augmentation] = []) {
    var kept: [Augmentation] = []
    for one in all where !kept.contains(where: { $0.kind == one.kind }) { kept.append(one) }
    self.all = kept
  }

  /// A text that does not say changes. `description` says what is wrong, to be read after the name of an option.
  public struct Fault: Error, Sendable, CustomStringConvertible {
    /// What is wrong.
    public let description: String
  }

  /// Changes as they are typed: kinds between commas, each with its amount behind `=` where it is not the usual one;
  /// `none` is none.
  ///
  /// - Throws: ``Fault`` for a kind that there is not, or is named twice, and an amount out of bounds.
  public init(_ text: String) throws(Fault) {
    var all: [Augmentation] = []
    for part in text.lowercased() == "none" ? [] : text.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let word = sides[0].lowercased()
      guard let kind = Augmentation.Kind(word: word) else {
        let words = Augmentation.Kind.allCases.map(\.rawValue)
        let hint = nearestName(to: word, among: words).map { "did you mean \($0.quoted)?" }
        throw Fault(description: "has no kind \(word.quoted); " + (hint ?? "it takes \(words.joined(separator: ", "))"))
      }
      guard !all.contains(where: { $0.kind == kind }) else {
        throw Fault(description: "names \(kind.rawValue.quoted) twice")
      }
      guard sides.count == 2 else {
        all.append(Augmentation(kind))
        continue
      }
      guard let amount = Float(sides[1]), kind.amounts.contains(amount) else {
        let (low, high) = (short(kind.amounts.lowerBound), short(kind.amounts.upperBound))
        throw Fault(description: "takes \(kind.rawValue) from \(low) to \(high), not \(sides[1].quoted)")
      }
      all.append(Augmentation(kind, amount))
    }
    self.init(all)
  }

  /// Whether nothing is changed.
  public var isEmpty: Bool { all.allSatisfy { $0.amount == 0 } }

  /// The amount of a kind; nil where it is not among them, or 0.
  public subscript(kind: Augmentation.Kind) -> Float? { all.first { $0.kind == kind && $0.amount > 0 }?.amount }

  /// Whether a kind is among them, of whatever amount.
  public func names(_ kind: Augmentation.Kind) -> Bool { all.contains { $0.kind == kind } }

  /// How many times as long they may make an example.
  public var growth: Float { (1 + (self[.shift] ?? 0)) * (1 + (self[.typos] ?? 0)) / (1 - (self[.speed] ?? 0)) }

  /// Those of some kinds alone.
  public func only(_ kinds: [Augmentation.Kind]) -> Augmentations {
    Augmentations(all.filter { kinds.contains($0.kind) })
  }

  /// The changes as they are typed.
  public var text: String {
    all.isEmpty ? "none" : all.map { "\($0.kind.rawValue)=\(short($0.amount))" }.joined(separator: ",")
  }

  /// A value as the batch that is learned from changes it; as it is where nothing is being trained, or nothing is to be
  /// changed. It is to be called in a loss: see ``drawingInTraining(_:)``.
  public func whileTraining<Value>(
    _ value: Value, _ change: (Augmentations, Value, inout RandomGenerator) -> Value
  ) -> Value {
    guard !isEmpty else { return value }
    return drawingInTraining { generator in change(self, value, &generator) } ?? value
  }
}

/// A number without a point where it is whole.
private func short(_ number: Float) -> String { number == number.rounded() ? "\(Int(number))" : "\(number)" }
