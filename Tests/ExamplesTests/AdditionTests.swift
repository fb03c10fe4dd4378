import Foundation
import RefrainTestSupport
import Testing

/// The table in CONTRIBUTING.md of what something new touches, held to what its examples touch.
@Suite("What has to be touched for something new")
struct AdditionTests {
  /// One row of the table: an example, where it may be named, and the file with the list it is in.
  struct Addition: Sendable, CustomTestStringConvertible {
    var kind: String
    var name: String
    /// The folder or file of its own.
    var place: String
    var list: String?
    /// The part of the sources that the row speaks of.
    var scope = "Sources"
    var testDescription: String { kind }
  }

  static let additions = [
    Addition(
      kind: "cell", name: "FastGRNNCell", place: "Sources/Refrain/Cells/FastGRNNCell.swift",
      list: "Sources/Refrain/Cells/Cells.swift"),
    Addition(
      kind: "layer", name: "GaussianNoise", place: "Sources/Refrain/Layers/GaussianNoise.swift",
      list: "Sources/Refrain/Layers/Layer.swift", scope: "Sources/Refrain"),
    Addition(kind: "loss", name: "huber", place: "Sources/Refrain/Losses/RegressionLosses.swift"),
    Addition(kind: "metric", name: "topAccuracy", place: "Sources/Refrain/Metrics/ClassificationMetrics.swift"),
    Addition(
      kind: "task", name: "Forecaster", place: "Sources/RefrainTasks/Forecast",
      list: "Sources/RefrainTasks/Tasks.swift",
      scope: "Sources/RefrainTasks"),
    Addition(
      kind: "verb", name: "CellsCommand", place: "Sources/RefrainCLI/Verbs/CellsCommand.swift",
      list: "Sources/RefrainCLI/RefrainCommand.swift"),
    Addition(
      kind: "foreign format", name: "KerasFormat", place: "Sources/RefrainFormats/Keras",
      list: "Sources/RefrainFormats/ForeignFormats.swift"),
  ]

  /// The Swift files below a folder in which a name stands as a word, as paths from the root, with how often it does.
  private func files(naming name: String, below folder: String) -> [String: Int] {
    let paths =
      FileManager.default.enumerator(atPath: Repository.root.appendingPathComponent(folder).path)?
      .compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") } ?? []
    var found: [String: Int] = [:]
    for path in paths {
      let text = Repository.text(folder + "/" + path)
      // Few hold it, and only those are taken apart.
      guard text.contains(name) else { continue }
      // Comments may speak of it.
      let code = text.split(separator: "\n").filter {
        !$0.drop(while: { $0 == " " }).hasPrefix("//")
      }
      let words = code.flatMap { $0.split { !$0.isLetter && !$0.isNumber && $0 != "_" } }
      let count = words.count { $0 == name }
      if count > 0 { found[folder + "/" + path] = count }
    }
    return found
  }

  @Test("is its own file or folder, and one line in a list", arguments: additions)
  func places(addition: Addition) {
    var found = files(naming: addition.name, below: addition.scope)
    if let list = addition.list { #expect(found.removeValue(forKey: list) == 1, "\(list) names it once") }
    #expect(!found.isEmpty)
    for path in found.keys {
      #expect(path.hasPrefix(addition.place), "\(addition.name) is named in \(path), too")
    }
    let table = Repository.text("CONTRIBUTING.md")
    #expect(table.contains("| \(addition.kind) |") && table.contains("| `\(addition.name)` |"))
  }
}
