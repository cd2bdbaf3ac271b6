// Turns objects into TypeScript, so that the compiler compares them with KubeVirt's and Kubernetes' own types: a field
// that a type doesn't have is an error in an object literal. The objects are those of the table test (JSON) and the
// golden ones (YAML).
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";

const [table, golden] = process.argv.slice(2);
const types = {
    VirtualMachine: "V1VirtualMachine",
    Secret: "IoK8sApiCoreV1Secret",
    Service: "IoK8sApiCoreV1Service",
};

const cases = JSON.parse(readFileSync(table, "utf8"));
for (const name of readdirSync(golden).filter((name) => name.endsWith(".snap"))) {
    // insta's header ends with the second line of dashes.
    const text = readFileSync(join(golden, name), "utf8").split("\n---\n").slice(1).join("\n---\n");
    const documents = parseAllDocuments(text);
    const errors = documents.flatMap((document) => document.errors);
    if (errors.length > 0 || documents.length < 2) throw new Error(`${name}: ${errors}`);
    cases.push({ flags: name, objects: documents.map((document) => document.toJS()) });
}

let text = `import type { V1VirtualMachine } from "@kubevirt-ui-ext/kubevirt-api/kubevirt";
import type { IoK8sApiCoreV1Secret, IoK8sApiCoreV1Service } from "@kubevirt-ui-ext/kubevirt-api/kubernetes";
// The types' generator left out this field, which is a number or a name.
declare module "@kubevirt-ui-ext/kubevirt-api/kubevirt" {
    interface K8sIoApiCoreV1TCPSocketAction {
        port: number | string;
    }
}
`;
// It also took this field, a number or a name, for a name.
const asName = (key, value) => (key === "targetPort" ? String(value) : value);
let count = 0;
for (const { flags, objects } of cases) {
    for (const object of objects) {
        const type = types[object.kind];
        if (!type) throw new Error(`${flags}: no type for ${object.kind}`);
        text += `// ${flags}\nexport const object${count++}: ${type} = ${JSON.stringify(object, asName, 2)};\n`;
    }
}

const compile = (text) => {
    writeFileSync("objects.ts", text);
    const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext"];
    try {
        execFileSync("node_modules/.bin/tsc", [...options, "objects.ts"], { stdio: "pipe" });
        return "";
    } catch (error) {
        return `${error.stdout}${error.stderr}`;
    }
};

const errors = compile(text);
if (errors) {
    console.error(errors);
    process.exit(1);
}
// The check can fail.
const invented = compile(text.replace('"logSerialConsole"', '"logSerialConsoles"'));
if (!invented.includes("logSerialConsoles")) throw new Error(`an invented field is accepted: ${invented}`);
console.log(`${count} objects of ${cases.length} command lines have KubeVirt's types`);
console.log(`${cases.length} passed, 0 failed`);
