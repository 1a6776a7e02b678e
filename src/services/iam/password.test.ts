import assert from "node:assert/strict";
import { test } from "node:test";
import { passwordViolation } from "./password.ts";

test("three of four kinds of characters are enough", () => {
  for (const password of ["Abcdefg1", "abcdefg1!", "ABCDEFG1 ", "Abcdefg!", "Äbcdefg1"])
    assert.equal(passwordViolation(password), undefined, password);
});

test("what is missing is told in AWS's words", () => {
  const cases = {
    "Abcde1!": "Password should have a minimum length of 8",
    abcdefg1:
      "Password should meet 1 more of the following requirements: Password should have at least one uppercase letter, Password should have at least one symbol",
    "!!!!!!!!":
      "Password should meet 2 more of the following requirements: Password should have at least one uppercase letter, Password should have at least one lowercase letter, Password should have at least one number",
  };
  for (const [password, told] of Object.entries(cases)) assert.equal(passwordViolation(password), told);
});
