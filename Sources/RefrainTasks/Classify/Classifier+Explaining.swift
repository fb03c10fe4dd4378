import Refrain
import RefrainData

extension Classifier {
  /// What speaks for each class in rows: its score less the mean of the others', or its own where a row may have
  /// several, before probabilities are calibrated. The most probable class comes first. What is explained is what the
  /// networks say, and not what a linear model says beside them.
  public func explained(
    _ examples: LabelledRecords, _ request: ClassifierRequest, _ choice: ExampleChoice
  ) throws(TaskError) -> [ExplainedExample] {
    let truth = truth(of: examples)
    let rows = linear.share > 0 ? try model.encoded(examples) : nil
    return try model.explained(examples, choice) { row, name, packed, networks in
      explained(
        name, packed, networks, truth?[row], threshold: request.threshold ?? 0.5,
        linear: rows.flatMap { baseline?.scores($0, [row]) })
    }
  }

  private func explained(
    _ name: String, _ packed: PackedRow, _ joined: JoinedNetworks, _ truth: [Int]?, threshold: Double, linear: [Float]?
  ) -> ExplainedExample {
    var scores = joined(stack([packed.input]), packed, layers: LayerCalls()).values
    if let linear { scores = self.linear.scores(network: scores, linear: linear) }
    let probabilities = calibration.probabilities(scores[...], areSeveral: labels.areSeveral)
    let order = probabilities.indices.sorted { (probabilities[$0], $1) > (probabilities[$1], $0) }
    let (count, areSeveral) = (labels.names.count, labels.areSeveral)
    // Of several labels a row may have none: then the most probable is shown all the same, with its probability.
    let said = areSeveral ? max(1, probabilities.count { $0 >= threshold }) : 1
    let answer = order.prefix(min(said, 4)).map {
      "\(labels.names[$0]) (\((probabilities[$0] * 1000).rounded() / 10) %)"
    }.joined(separator: ", ")
    let wanted = truth.map { $0.map { $0 < 0 ? "another class" : labels.names[$0] }.joined(separator: ", ") }
    return ExplainedExample(
      title: "\(name): \(answer)" + (wanted.map { ", labeled \($0)" } ?? ""), input: packed.input,
      steps: packed.steps, features: packed.features, outputs: order.map { labels.names[$0] },
      baselines: packed.baselines, network: joined
    ) { network, inputs, layers, output in
      let scores = network(inputs, packed, layers: layers)
      return areSeveral ? scores.at(order[output], axis: 1) : scores.margin(of: order[output], among: count)
    }
  }

  /// The places of each row's labels; nil where there are none.
  private func truth(of examples: LabelledRecords) -> [[Int]]? {
    guard let target = examples.target else { return nil }
    // Labels that cannot be read are no reason to explain nothing.
    return try? labels.places(in: Column(examples.records, target))
  }

  /// What is hard in labeled rows: the least probable labels, those that are probably wrong, and what is taken for
  /// what.
  public func overview(_ examples: LabelledRecords, _ request: ClassifierRequest) throws(TaskError) -> [Exhibit] {
    guard !labels.areSeveral, let truth = truth(of: examples) else { return [] }
    let names = RowNames(examples, columns)
    let found = try probabilities(model.encoded(examples))
    return ClassOverview(labels.names, found, truth: truth.map { $0.first ?? -1 }, text: names.text).exhibits
  }
}

/// What a whole file says of a classifier, and the classifier of the file.
struct ClassOverview {
  private let classes: [String]
  private let probabilities: [[Double]]
  private let truth: [Int]
  private let text: (Int) -> String
  /// More rows than this are not shown.
  private static let most = 20

  /// - Parameters:
  ///   - classes: Their names.
  ///   - probabilities: Of each class, for each row.
  ///   - truth: The labeled class of each row; −1 for one that there is not.
  ///   - text: What is shown of a row.
  init(_ classes: [String], _ probabilities: [[Double]], truth: [Int], text: @escaping (Int) -> String) {
    (self.classes, self.probabilities, self.truth, self.text) = (classes, probabilities, truth, text)
  }

  var exhibits: [Exhibit] { [errors, confusions, hard].filter { !$0.isEmpty } }

  private var rows: [Int] { truth.indices.filter { truth[$0] >= 0 } }

  private func best(_ row: Int) -> Int {
    probabilities[row].indices.max { (probabilities[row][$0], $1) < (probabilities[row][$1], $0) } ?? 0
  }

  private func line(_ row: Int, _ found: Int) -> [Exhibit.Cell] {
    [
      .number(Double(row + 1)), .text(classes[truth[row]]), .number(probabilities[row][truth[row]]),
      .text(classes[found]), .number(probabilities[row][found]), .text(text(row)),
    ]
  }

  private static let columns = ["row", "labeled", "probability", "found", "probability of it", "text"]

  /// The rows whose label the model finds least probable.
  private var hard: Exhibit {
    let order = rows.sorted { (probabilities[$0][truth[$0]], $0) < (probabilities[$1][truth[$1]], $1) }
    return Exhibit(
      "hardExamples", title: "Hard examples", note: "The rows whose label is the least probable.",
      .table(columns: Self.columns, rows: order.prefix(Self.most).map { line($0, best($0)) }))
  }

  /// The rows of which the model is surer that they are of another class than it usually is of that class's own
  /// (confident learning, Northcutt, Jiang and Chuang 2021).
  var likelyErrors: [(row: Int, found: Int)] {
    var (sums, counts) = ([Double](repeating: 0, count: classes.count), [Double](repeating: 0, count: classes.count))
    for row in rows {
      sums[truth[row]] += probabilities[row][truth[row]]
      counts[truth[row]] += 1
    }
    let usual = zip(sums, counts).map { $1 > 0 ? $0 / $1 : .infinity }
    return rows.compactMap { row -> (row: Int, found: Int)? in
      let sure = classes.indices.filter { probabilities[row][$0] >= usual[$0] }
      guard let found = sure.max(by: { probabilities[row][$0] < probabilities[row][$1] }), found != truth[row] else {
        return nil
      }
      return (row, found)
    }.sorted {
      (probabilities[$0.row][truth[$0.row]] - probabilities[$0.row][$0.found], $0.row)
        < (probabilities[$1.row][truth[$1.row]] - probabilities[$1.row][$1.found], $1.row)
    }
  }

  private var errors: Exhibit {
    let all = likelyErrors
    return Exhibit(
      "likelyLabelErrors", title: "Labels that are probably wrong",
      note: "\(all.count) of \(rows.count) rows look more like another class than rows of that class usually do "
        + "(confident learning). Rows that were trained on may have been learned by heart.",
      .table(columns: Self.columns, rows: all.prefix(Self.most).map { line($0.row, $0.found) }))
  }

  /// What is taken for what, with the row of which the model is surest.
  private var confusions: Exhibit {
    var pairs: [[Int]: [Int]] = [:]
    for row in rows where best(row) != truth[row] { pairs[[truth[row], best(row)], default: []].append(row) }
    let ordered = pairs.sorted { ($1.value.count, $0.key[0], $0.key[1]) < ($0.value.count, $1.key[0], $1.key[1]) }
    let lines = ordered.prefix(Self.most).map { pair, rows -> [Exhibit.Cell] in
      let surest = rows.max { (probabilities[$0][pair[1]], $1) < (probabilities[$1][pair[1]], $0) } ?? rows[0]
      return [
        .text(classes[pair[0]]), .text(classes[pair[1]]), .number(Double(rows.count)), .number(Double(surest + 1)),
        .number(probabilities[surest][pair[1]]), .text(text(surest)),
      ]
    }
    return Exhibit(
      "confusions", title: "What is taken for what",
      .table(columns: ["labeled", "taken for", "rows", "for example row", "probability", "text"], rows: lines))
  }
}
