/// What the target of a loss or metric is made of.
public enum TargetKind: Sendable {
  /// A value for each predicted value: prediction and target have one shape.
  case values
  /// One value for each row of the prediction along its last axis: prediction `[…, Q]`, target `[…]` or `[…, 1]`.
  case single
  /// Classes along the last axis of the prediction: prediction `[…, C]`, target either class indices `[…]` or `[…, 1]`,
  /// or one-hot (or probability) rows `[…, C]`. A prediction of one column is binary, and its targets are `values`.
  case classes
}

extension Loss {
  /// Throws where targets from outside the program are none for predictions of a shape.
  func check(
    _ prediction: [Int], _ target: Tensor, weights: Tensor?, hasSteps: Bool
  ) throws(LayerError) {
    guard case .rows(let kind, _) = measure else {
      guard target.shape.first == prediction.first, weights.map({ $0.shape == [prediction[0]] }) ?? true else {
        throw LayerError("\(name): a target of shape \(target.shape) does not fit a prediction of shape \(prediction)")
      }
      return
    }
    let layout = try PredictionRows.Layout(
      kind, prediction, target.shape, weights: weights?.shape, hasLengths: hasSteps, name: name)
    guard layout.hasIndices else { return }
    do throws(NoIndex) { _ = try target.indices(below: layout.columns) } catch {
      throw LayerError(
        "\(name): the target \(error.value) is no class index: there are \(layout.columns) classes, from 0")
    }
  }
}

/// A batch of predictions and targets as losses and metrics see it: rows, of which only those that count are left.
///
/// Steps past a sequence's length and rows of weight 0 are taken out before anything is computed, so that whatever they
/// hold, be it NaN, has no influence on a value or a gradient.
struct PredictionRows {
  /// `[N, F]`
  let prediction: Tensor
  /// `[N, K]`: K is F for values and one-hot rows, 1 for indices.
  let target: Tensor
  /// N weights, or nil when all are 1.
  let weights: [Float]?

  /// The number of rows **N**.
  var count: Int { prediction.shape[0] }
  /// The sum of the weights.
  var totalWeight: Double { weights.map { $0.reduce(0) { $0 + Double($1) } } ?? Double(count) }

  /// - Parameters:
  ///   - kind: what the target is made of.
  ///   - prediction: `[B, …]`, or `[B, T, …]` with `lengths` or weights a step.
  ///   - target: a shape that fits the prediction's by `kind`.
  ///   - weights: `[B]`, one an example, or `[B, T]`, one a step.
  ///   - lengths: the valid steps of each example.
  ///   - name: of the loss or metric, for messages.
  init(
    _ kind: TargetKind, _ prediction: Tensor, _ target: Tensor, weights: Tensor?, lengths: [Int]?, name: String
  ) {
    let layout: Layout
    do throws(LayerError) {
      layout = try Layout(
        kind, prediction.shape, target.shape, weights: weights?.shape, hasLengths: lengths != nil, name: name)
    } catch {
      fatalError(error.description)
    }
    let (leading, rows) = (layout.leading, layout.leading.product)
    let weightOf = Self.rowWeights(weights, leading: leading)
    let valid = Self.validRows(leading: leading, lengths: lengths, weights: weightOf, name: name)
    let whole = prediction.reshaped([rows, layout.columns])
    let targets = target.detached.reshaped([rows, layout.targetColumns])
    self.prediction = valid.map(whole.pickingRows) ?? whole
    self.target = valid.map(targets.pickingRows) ?? targets
    self.weights = weightOf.map { all in valid.map { $0.map { all[$0] } } ?? all }
  }

  /// How predictions and targets of given shapes are rows.
  struct Layout {
    /// The axes whose product is the number of rows.
    let leading: [Int]
    /// The columns **F** of the prediction.
    let columns: Int
    /// The columns **K** of the target.
    let targetColumns: Int
    /// Whether a target's value is the index of a class.
    let hasIndices: Bool

    /// - Throws: ``LayerError`` where the shapes do not fit.
    init(
      _ kind: TargetKind, _ prediction: [Int], _ target: [Int], weights: [Int]?, hasLengths: Bool, name: String
    ) throws(LayerError) {
      var shape = prediction
      let hasSteps = hasLengths || weights?.count == 2
      let isElementwise = kind == .values || kind == .classes && (shape.count < 2 || shape[shape.count - 1] == 1)
      if isElementwise, shape.count < (hasSteps ? 3 : 2) { shape.append(1) }
      guard shape.count >= (hasSteps ? 3 : 2) else {
        throw LayerError(
          "\(name): a prediction of shape \(prediction) has no \(hasSteps ? "steps [B, T, …]" : "rows [B, …]")")
      }
      columns = shape[shape.count - 1]
      leading = Array(shape.dropLast())
      let isWhole =
        switch kind {
        case .values: true
        case .single: false
        case .classes: isElementwise || target == prediction
        }
      targetColumns = isWhole ? columns : 1
      hasIndices = kind == .classes && !isWhole
      guard target.withoutTrailingOnes == (isWhole ? shape : leading).withoutTrailingOnes else {
        throw LayerError("\(name): a target of shape \(target) does not fit a prediction of shape \(prediction)")
      }
      if let weights {
        guard (1...2).contains(weights.count) && Array(leading.prefix(weights.count)) == weights else {
          throw LayerError("\(name): weights of shape \(weights) do not fit rows of shape \(leading)")
        }
      }
    }
  }

  /// A weight for each row, from weights an example or a step.
  private static func rowWeights(_ weights: Tensor?, leading: [Int]) -> [Float]? {
    guard let weights else { return nil }
    let values = weights.values
    let repeats = leading.dropFirst(weights.rank).reduce(1, *)
    return repeats == 1 ? values : values.flatMap { Array(repeating: $0, count: repeats) }
  }

  /// The rows that count, or nil when all do.
  private static func validRows(leading: [Int], lengths: [Int]?, weights: [Float]?, name: String) -> [Int]? {
    guard lengths != nil || weights?.contains(0) == true else { return nil }
    var rows = Array(0..<leading.product)
    if let lengths {
      let time = leading[1]
      require(
        lengths.count == leading[0] && lengths.allSatisfy { (0...time).contains($0) },
        "\(name): the lengths \(lengths) do not fit \(leading[0]) sequences of \(time) steps")
      let inner = leading.dropFirst(2).reduce(1, *)
      rows = lengths.enumerated().flatMap { example, length in
        example * time * inner..<(example * time + length) * inner
      }
    }
    if let weights { rows.removeAll { weights[$0] == 0 } }
    return rows.count == leading.product ? nil : rows
  }

  /// The weighted mean of the rows' losses, a scalar: Σ w · loss / Σ w, where the loss of a row is the mean of its
  /// values. Without rows it is 0.
  ///
  /// - Parameter losses: `[N]` or `[N, F]`.
  func mean(_ losses: Tensor) -> Tensor {
    guard count > 0 else { return Tensor(0) }
    guard let weights else { return losses.mean() }
    let factor = 1 / (totalWeight * Double(losses.count / count))
    let factors = Tensor(weights.map { Float(Double($0) * factor) }, shape: [count, 1])
    return (losses.reshaped([count, -1]) * factors).sum()
  }
}

extension [Int] {
  /// A shape without the sizes of 1 at its end.
  fileprivate var withoutTrailingOnes: [Int] { Array(self[..<((lastIndex { $0 != 1 } ?? -1) + 1)]) }
}

extension Tensor {
  /// The given rows of a matrix, none twice; the gradient of the others is zero.
  fileprivate func pickingRows(_ rows: [Int]) -> Tensor {
    let count = shape[0]
    return detached.gatheringRows(rows).recording((self, { $0.scatteringRows(to: rows, count: count) }))
  }

  /// The values of a column of class indices, each checked to be in `0 ..< classes`.
  func classIndices(below classes: Int, for name: String) -> [Int] {
    do throws(NoIndex) { return try indices(below: classes) } catch {
      fatalError(
        "\(name): the target \(error.value) of row \(error.place) is no class index: there are \(classes) classes, "
          + "from 0")
    }
  }
}
