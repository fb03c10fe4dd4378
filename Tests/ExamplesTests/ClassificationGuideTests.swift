// The Swift of Guides/Classification.md, so that it compiles and does what the text says. DocumentationTests holds the
// text to it, word for word.
import Foundation
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Testing

@Suite("The code of the guide to classes and numbers of rows runs")
struct ClassificationGuideTests {
  @Test("a class")
  func classes() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/flowers.csv"
      let rows = (0..<120).map { "\($0 % 2 == 0 ? 1 : 4).\($0 % 10),\($0 % 7),\($0 % 2 == 0 ? "setosa" : "virginica")" }
      try Data(("petal,sepal,label\n" + rows.joined(separator: "\n")).utf8).write(to: URL(filePath: path))

      let flowers = try Classifier.examples(from: DataSource(paths: [path]), ClassifierConfiguration())
      let classifier = try Classifier.train(on: flowers)
      for measure in classifier.evaluation?.measures ?? [] { print(measure.name, measure.value) }

      #expect(classifier.evaluation?.measures.first { $0.name == "auc" }?.value == 1)
    }
  }

  @Test("a number")
  func numbers() throws {
    try withTemporaryFolder { folder in
      let (path, newPath) = (folder + "/houses.csv", folder + "/new.csv")
      let rows = (0..<200).map {
        "\($0 % 10),\($0 % 3 == 0 ? "Rom" : "Ulm"),\(100 + 10 * ($0 % 10) + ($0 % 3 == 0 ? 50 : 0))"
      }
      try Data(("rooms,city,price\n" + rows.joined(separator: "\n")).utf8).write(to: URL(filePath: path))
      try Data("rooms,city\n9,Rom\n1,Ulm\n".utf8).write(to: URL(filePath: newPath))

      let houses = try Regressor.examples(from: DataSource(paths: [path]), RegressorConfiguration())
      let regressor = try Regressor.train(on: houses)
      let answers = try regressor.predict(regressor.examples(from: DataSource(paths: [newPath])))
      for answer in answers { print(answer.value, answer.low ?? answer.value, answer.high ?? answer.value) }

      #expect(answers.count == 2 && answers[0].value > answers[1].value + 50)
    }
  }
}
